package agent

import (
	"context"
	"errors"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/internal/meter"
	"github.com/errandhq/errand/internal/source"
)

// setupError means that the job's directory could not be prepared.
type setupError struct {
	reason errand.Reason
	error
}

func (e *setupError) Unwrap() error { return e.error }

// unpack fetches the source archive and unpacks it into the work directory.
func (t *attempt) unpack() error {
	fetcher := t.fetcher()
	timed := &stages{clock: t.agent.Clock, meter: fetcher.Meter, say: t.noteLine, step: t.traceStage}
	t.agent.makeRoom(t.Source.DiskBytes())
	kept := t.keptFolder()
	st, err := fetcher.Unpack(t.workCtx, t.Source, source.Target{
		Dir: t.work, Scratch: string(t.dir), Limits: t.agent.Limits, Cache: t.agent.packs, Kept: kept, Stage: timed.begin,
	})
	if err != nil {
		timed.fail(err)
		return t.setupFailed(err)
	}
	if kept != nil {
		t.workspace.Placed = kept.Placed
	}
	timed.end(": " + jobcache.Contents(st.Files, st.Bytes))
	t.agent.Log.Debug("unpacked the source", "job", t.JobID, "files", st.Files, "bytes", st.Bytes)
	return nil
}

// fetcher downloads the source. A failed try counts only while the control plane
// responds: if everything is unreachable, the source isn't missing.
func (t *attempt) fetcher() source.Fetcher {
	return source.Fetcher{HTTP: t.agent.HTTP, Meter: new(meter.Meter), Wait: func(ctx context.Context, n int) error {
		if err := t.agent.backOff(ctx, n, 0); err != nil {
			return err
		}
		return t.agent.awaitHeartbeat(ctx)
	}}
}

// setupFailed returns err with the reason for the job's failure, or the cause of the
// attempt's cancellation.
func (t *attempt) setupFailed(err error) error {
	switch {
	case t.workCtx.Err() != nil:
		return context.Cause(t.workCtx)
	case errors.Is(err, source.ErrUnavailable):
		return &setupError{errand.ReasonSourceUnavailable, err}
	case isDiskFault(err):
		return err // this worker's fault, reported as agent_error
	default:
		return &setupError{errand.ReasonSetupFailed, err}
	}
}
