package agent

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/source"
)

// setupError is why a job's directory could not be prepared.
type setupError struct {
	reason errand.Reason
	error
}

func (e *setupError) Unwrap() error { return e.error }

// unpack fetches the source archive and unpacks it into the work directory.
func (t *attempt) unpack() error {
	if err := t.fetch(); err != nil {
		return t.setupFailed(err)
	}
	st, err := archive.Unpack(t.work, t.dir.Source(), t.dir.Work(), t.a.Limits)
	if err != nil {
		return t.setupFailed(err)
	}
	if err := os.Remove(t.dir.Source()); err != nil {
		return t.setupFailed(fmt.Errorf("remove the archive after unpacking: %w", err))
	}
	t.a.Log.Debug("unpacked the source", "job", t.JobID, "files", st.Files, "bytes", st.Bytes)
	return nil
}

// fetch fetches the archive. A try that failed counts only while the control
// plane answers: an outage of all of it isn't a missing archive.
func (t *attempt) fetch() error {
	f := source.Fetcher{HTTP: t.a.HTTP, Sleep: func(ctx context.Context, n int) error {
		if err := t.a.pause(ctx, n, 0); err != nil {
			return err
		}
		return t.a.heard(ctx)
	}}
	return f.Fetch(t.work, t.Source, t.dir.Source())
}

// setupFailed says whose fault err is, unless it is only that work has ended.
func (t *attempt) setupFailed(err error) error {
	switch {
	case t.work.Err() != nil:
		return context.Cause(t.work)
	case errors.Is(err, source.ErrUnavailable):
		return &setupError{errand.ReasonSourceUnavailable, err}
	case diskFault(err):
		return err // not the archive's: a reason of our own
	default:
		return &setupError{errand.ReasonSetupFailed, err}
	}
}
