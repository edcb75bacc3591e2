package api

import (
	"net/http"

	"github.com/errandhq/errand"
)

func execute(c *request) (response, error) {
	var in Execute
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	switch in.Mode {
	case ModeDistributed:
		return c.create(&in.CreateJob, http.StatusAccepted)
	case ModeDirect:
		return c.direct(&in.CreateJob)
	}
	return response{}, errand.InvalidField("mode", "mode is %q or %q, not %q", ModeDirect, ModeDistributed, cut(in.Mode))
}

// direct runs the commands now. What would promise something that direct mode
// can't keep is refused, rather than ignored.
func (c *request) direct(in *CreateJob) (response, error) {
	for _, f := range []struct {
		name string
		set  bool
	}{{"group", in.Group != ""}, {"after", len(in.After) > 0}, {"notBefore", in.NotBefore != nil}, {"worker", in.Worker != ""}, {"requires", len(in.Requires) > 0}, {"maxAttempts", in.MaxAttempts != 0}, {"retryOnExit", in.RetryOnExit != nil}, {"lease", in.LeaseSeconds != 0}, {"terminal", in.Terminal != nil}, {"limits", in.Limits != nil}, {"artifacts", len(in.Artifacts) > 0}, {"cache", len(in.Cache) > 0}, {"workspace", in.Workspace != nil}, {"Idempotency-Key", c.r.Header.Get("Idempotency-Key") != ""}} {
		if f.set {
			return response{}, errand.InvalidField(f.name, "%s has no meaning in mode %q, which runs the commands once and keeps nothing", f.name, ModeDirect)
		}
	}
	res, err := c.Execute(c.ctx(), c.caller, in.spec())
	if err != nil {
		return response{}, err
	}
	res.Commands = orEmpty(res.Commands)
	return response{status: http.StatusOK, body: Executed{Mode: ModeDirect, DirectResult: res}}, nil
}
