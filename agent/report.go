package agent

import (
	"context"
	"errors"
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/api"
)

// errKeep: the outcome isn't reported; it stays on disk for the next start.
var errKeep = errors.New("not reported yet")

// deliver sends what is left of the log and then the outcome, for as long as it
// takes. Errors: errKeep, if the agent ended first; else nothing is to be kept.
func (t *attempt) deliver(out *attemptdir.Outcome) error {
	if t.spool != nil {
		if err := t.logs.finish(t.report, out.End, &out.Result.Log); err != nil {
			return undelivered(err)
		}
	}
	trim(&out.Result, errand.MaxResultBytes-1024)
	for n := 1; ; n++ {
		err := t.submit(out)
		if err == nil {
			return nil
		}
		if t.report.Err() != nil {
			return undelivered(context.Cause(t.report))
		}
		after, temporary := api.Temporary(err)
		log := t.a.Log.With("job", t.JobID, "attempt", t.Attempt, "try", n, "err", err)
		switch {
		case temporary || errors.Is(err, errAgain) || foreign(err):
			log.Warn("result not accepted yet, trying again")
		case unacceptable(err) && !(out.Reason == errand.ReasonAgentError && len(out.Result.Commands) == 0):
			log.Error("the server can't take the result, reporting that instead")
			*out = attemptdir.Outcome{Reason: errand.ReasonAgentError, Error: clip("the server did not take the result: "+err.Error(), errand.MaxErrorBytes)}
		default:
			log.Warn("the server does not want the result")
			return err
		}
		if err := t.a.pause(t.report, n, after); err != nil {
			return undelivered(err)
		}
	}
}

// undelivered is what becomes of an outcome whose delivery was broken off.
func undelivered(cause error) error {
	if errors.Is(cause, errAbandoned) {
		return cause
	}
	return errKeep
}

// foreign reports whether an error answer isn't our server's own: something in
// front of it spoke, which knows nothing of the job.
func foreign(err error) bool {
	s := statusOf(err)
	return s != 0 && api.CodeOf(err) == "" && s != http.StatusRequestEntityTooLarge
}

// unacceptable reports whether the server found fault with the report's content.
func unacceptable(err error) bool {
	s := statusOf(err)
	return s == http.StatusBadRequest || s == http.StatusRequestEntityTooLarge
}

// submit reports the outcome, once.
func (t *attempt) submit(out *attemptdir.Outcome) error {
	c, id := t.a.session.client, t.a.session.id.WorkerID
	return t.a.session.call(t.report, 0, func(ctx context.Context, epoch int) error {
		if out.Reason == "" {
			_, err := c.SubmitResult(ctx, api.SubmitResult{WorkerID: id, Epoch: epoch, JobID: t.JobID, Attempt: t.Attempt, Result: out.Result})
			return err
		}
		f := errand.Failure{Reason: out.Reason, Error: out.Error}
		if out.Result.Commands != nil {
			f.Result = &out.Result
		}
		_, err := c.SubmitFailure(ctx, api.SubmitFailure{WorkerID: id, Epoch: epoch, JobID: t.JobID, Attempt: t.Attempt, Failure: f})
		return err
	})
}
