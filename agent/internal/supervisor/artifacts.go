package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
	"unicode/utf8"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/artifact"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/meter"
)

// collectArtifacts finds what the job gives back and writes its list, which the agent
// sends. A job that was cancelled, or lost its worker or its lease, gives back nothing.
func (a *attempt) collectArtifacts(out *attemptdir.Outcome) {
	success := out.Reason == "" && out.Result.ExitCode == 0
	var wanted []errand.Artifact
	for _, w := range a.job.Artifacts {
		if w.AppliesTo(success) {
			wanted = append(wanted, w)
		}
	}
	if len(wanted) == 0 || a.spool == nil || out.Reason != "" && out.Reason != errand.ReasonTimedOut {
		return
	}
	defer a.supervisor.useAllProcessors()()
	ctx, cancel := a.afterCtx()
	defer cancel()
	stop := a.watchLog()
	defer stop()
	began := a.supervisor.clock.Now()
	m := new(meter.Meter)
	quiet := m.Say(a.supervisor.clock, "artifacts: collecting", a.sayLast)
	found, err := artifact.Collect(ctx, a.dir.Work(), wanted, m)
	quiet()
	if err == nil {
		err = a.writeList(&found.List)
	}
	if err != nil {
		found = &artifact.Found{}
		found.Sums.Fail(err)
	}
	out.Result.Artifacts, out.Result.Tests = &found.Sums, found.Tests
	a.sayArtifacts(found, err, a.sayTook(began))
}

// sayLast writes a line of what follows the commands into the log.
func (a *attempt) sayLast(line string) { a.say(len(a.outputs)-1, line) }

// sayTook says how long something took, if a person would have noticed.
func (a *attempt) sayTook(began time.Time) string {
	if took := a.supervisor.clock.Now().Sub(began); took >= time.Second {
		return fmt.Sprintf(", collected in %.1f s", took.Seconds())
	}
	return ""
}

// afterCtx returns a context for what follows the commands. An order to end the attempt
// that comes from now on ends it.
func (a *attempt) afterCtx() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(a.ctx))
	stop := func() bool { return true }
	if a.ctx.Err() == nil {
		stop = context.AfterFunc(a.ctx, func() { cancel(context.Cause(a.ctx)) })
	}
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// writeList writes the list for the agent, if there is something to send.
func (a *attempt) writeList(l *errand.ArtifactList) error {
	if len(l.Files) == 0 {
		return nil
	}
	for i := range l.Files {
		if f := &l.Files[i]; !utf8.ValidString(f.Path) || !utf8.ValidString(f.Link) {
			return fmt.Errorf("the name %q is not UTF-8", f.Path)
		}
	}
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if len(b) > errand.MaxArtifactListBytes {
		return fmt.Errorf("the list of artifacts has %d bytes; the limit is %d: pack them into an archive, or name fewer", len(b), errand.MaxArtifactListBytes)
	}
	return os.WriteFile(a.dir.Artifacts(), b, 0o600)
}

// sayArtifacts says in the log what was found.
func (a *attempt) sayArtifacts(found *artifact.Found, err error, took string) {
	last := len(a.outputs) - 1
	for _, note := range found.Notes {
		a.say(last, "artifacts: "+note)
	}
	for _, pattern := range found.Sums.Missing {
		a.say(last, "artifacts: error: no file matches "+pattern)
	}
	if err != nil {
		a.say(last, "artifacts: error: "+err.Error())
		return
	}
	switch n := found.Sums.Files; n {
	case 0:
	case 1:
		a.say(last, "1 artifact, "+meter.SizeText(found.Sums.Bytes)+took)
	default:
		a.say(last, fmt.Sprintf("%d artifacts, %s%s", n, meter.SizeText(found.Sums.Bytes), took))
	}
	if t := found.Tests; t != nil && t.Tests > 0 {
		a.say(last, fmt.Sprintf("tests: %d, %d failed, %d skipped", t.Tests, t.Failed, t.Skipped))
	}
}
