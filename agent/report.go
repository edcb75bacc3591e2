package agent

import (
	"context"
	"errors"
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/output"
	"github.com/errandhq/errand/internal/api"
)

// errNotReported: the outcome must stay on disk for the next start.
var errNotReported = errors.New("not reported yet")

// deliver sends the artifacts and caches, the rest of the log and then the outcome, and retries until
// the server has answered. Errors: errNotReported, if the agent ended first; after
// any other, the outcome need not be kept.
func (t *attempt) deliver(out *attemptdir.Outcome) error {
	t.lines = t.linesAfter(out)
	t.logs.holdRest()
	if err := t.sendLeft(out); err != nil {
		return err
	}
	t.closeLines(out)
	if t.spool != nil {
		t.logs.stop()
		if err := t.logs.finish(t.reportCtx, out.End, &out.Result.Log); err != nil {
			return undelivered(err)
		}
	}
	if err := t.dir.LeaveWork(t.slot.number); err != nil { // the slot's next job may be of the same project
		t.agent.Log.Debug("the job's folder stays in its place until it is removed", "job", t.JobID, "err", err)
	}
	t.leaveWorkspace()
	output.Trim(&out.Result, errand.MaxResultBytes-1024)
	defer t.later(t.sync)()
	for n := 1; ; n++ {
		err := t.traced("report", true, func() error { return t.submit(out) })
		if err == nil {
			return nil
		}
		if t.reportCtx.Err() != nil {
			return undelivered(context.Cause(t.reportCtx))
		}
		after, temporary := api.Temporary(err)
		log := t.agent.Log.With("job", t.JobID, "attempt", t.Attempt, "try", n, "err", err)
		switch {
		case temporary || errors.Is(err, errReregistered) || isForeign(err):
			log.Warn("the result was not accepted, trying again")
		case isUnacceptable(err) && !(out.Reason == errand.ReasonAgentError && len(out.Result.Commands) == 0):
			log.Error("the server refused the result's content, reporting that instead")
			*out = attemptdir.Outcome{Reason: errand.ReasonAgentError, Error: clip("the server refused the result: "+err.Error(), errand.MaxErrorBytes)}
		default:
			log.Warn("the server refused the result")
			return err
		}
		if err := t.agent.backOff(t.reportCtx, n, after); err != nil {
			return undelivered(err)
		}
	}
}

// sendLeft sends what the commands left: artifacts and caches.
func (t *attempt) sendLeft(out *attemptdir.Outcome) error {
	err := t.sendArtifacts(out)
	t.traceArtifacts(out, err)
	if err != nil {
		return err
	}
	return t.traced("save caches", len(t.Cache) > 0, func() error {
		t.sendCaches()
		return nil
	})
}

// undelivered returns deliver's error when cause interrupted it.
func undelivered(cause error) error {
	if errors.Is(cause, errAbandoned) {
		return cause
	}
	return errNotReported
}

// isForeign reports whether an error response comes from something in front of
// the server, such as a proxy, which knows nothing of the job.
func isForeign(err error) bool {
	s := statusOf(err)
	return s != 0 && api.CodeOf(err) == "" && s != http.StatusRequestEntityTooLarge
}

// isUnacceptable reports whether the server refused the report's content.
func isUnacceptable(err error) bool {
	s := statusOf(err)
	return s == http.StatusBadRequest || s == http.StatusRequestEntityTooLarge
}

// submit makes one attempt to report the outcome. With the report goes the slot: it is
// free when the server has taken it.
func (t *attempt) submit(out *attemptdir.Outcome) error {
	r := &pendingReport{AttemptReport: api.AttemptReport{JobID: t.JobID, Attempt: t.Attempt}, size: output.Size(&out.Result), answer: make(chan error, 1)}
	switch {
	case out.Reason == "":
		r.Result = &out.Result
	case out.Result.Commands != nil:
		r.Failure = &errand.Failure{Reason: out.Reason, Error: out.Error, Result: &out.Result}
	default:
		r.Failure = &errand.Failure{Reason: out.Reason, Error: out.Error}
	}
	if t.holdsSlot {
		r.slot = t.slot
	}
	err := t.agent.outbox.submit(t.reportCtx, r)
	t.holdsSlot = r.slot != nil
	return err
}

// freeSlot frees the slot unless it went with the report.
func (t *attempt) freeSlot() {
	if t.holdsSlot {
		t.agent.free(t.slot)
	}
}
