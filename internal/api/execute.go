package api

import (
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
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

// direct runs the commands now. A repeated request answers with the job. What would promise something that direct mode
// can't keep is refused, rather than ignored.
func (c *request) direct(in *CreateJob) (response, error) {
	for _, f := range []struct {
		name string
		set  bool
	}{{"group", in.Group != ""}, {"after", len(in.After) > 0}, {"notBefore", in.NotBefore != nil}, {"worker", in.Worker != ""}, {"requires", len(in.Requires) > 0}, {"maxAttempts", in.MaxAttempts != 0}, {"retryOnExit", in.RetryOnExit != nil}, {"lease", in.LeaseSeconds != 0}, {"terminal", in.Terminal != nil}, {"limits", in.Limits != nil}, {"artifacts", len(in.Artifacts) > 0}, {"cache", len(in.Cache) > 0}, {"workspace", in.Workspace != nil}} {
		if f.set {
			return response{}, errand.InvalidField(f.name, "%s has no meaning in mode %q, which runs the commands once, on the server", f.name, ModeDirect)
		}
	}
	key, err := c.idempotencyKey()
	if err != nil {
		return response{}, err
	}
	run, err := c.Execute(c.ctx(), c.caller, in.spec(), control.CreateOptions{Key: key, Watched: in.Watch})
	if err != nil {
		return response{}, err
	}
	if run.Result == nil {
		return c.created(&run.Job, http.StatusAccepted), nil
	}
	out := Executed{Mode: ModeDirect, JobID: run.Job.Spec.ID, DirectResult: *run.Result}
	out.Commands = orEmpty(out.Commands)
	return response{status: http.StatusOK, body: out}, nil
}
