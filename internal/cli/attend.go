package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// attend shows a job's output until it is over, then how it ended. The end of
// first cancels the job, that of second leaves it alone.
func (a *app) attend(first, second context.Context, c *api.Client, id string, asJSON bool) error {
	out := a.printFrame
	if asJSON {
		out = func(api.LogFrame) error { return nil }
	}
	cancelling := make(chan struct{})
	stopWatching := context.AfterFunc(first, func() {
		defer close(cancelling)
		if terminal.IsInterrupted(first) {
			a.cancelRun(second, c, id)
		}
	})
	job, err := a.followToEnd(second, c, id, out)
	if !stopWatching() {
		<-cancelling
	}
	if errors.Is(err, terminal.ErrInterrupted) {
		a.term.Notef("stopped waiting for job %s; check it with errand job %s", id, id)
	}
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.term.PrintJSON(job); err != nil {
			return err
		}
	} else {
		a.summary(&job)
	}
	return jobExit(&job)
}

// cancelGrace is how long the request to cancel may go on after a second Ctrl-C.
// Some programs that errand runs under pass each one on twice.
const cancelGrace = 3 * time.Second

// followToEnd shows a job's output and returns the job as it ended. A job that
// was presumed lost may turn out to run: then it goes on where it was.
func (a *app) followToEnd(ctx context.Context, c *api.Client, id string, out func(api.LogFrame) error) (api.Job, error) {
	f := a.newFollower(c, id, 0, out)
	for {
		err := f.follow(ctx)
		if errors.Is(err, terminal.ErrInterrupted) {
			return api.Job{}, err
		}
		if err != nil {
			return api.Job{}, fmt.Errorf("follow job %s: %w", id, err)
		}
		job, err := call(ctx, tenacious, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
		if err != nil {
			return job, fmt.Errorf("read the result of job %s: %w", id, err)
		}
		if job.Status.Terminal() {
			return job, nil
		}
	}
}

// cancelRun asks for the job's end, on the first Ctrl-C. The end of ctx, by the
// second, doesn't take that back.
func (a *app) cancelRun(ctx context.Context, c *api.Client, id string) {
	a.term.Notef("cancelling job %s; press Ctrl-C again to exit without waiting", id)
	ctx, stop := lingering(ctx, cancelGrace)
	defer stop()
	_, err := call(ctx, tenacious, func(ctx context.Context) (api.Job, error) { return c.Cancel(ctx, id) })
	if err != nil && ctx.Err() == nil && api.CodeOf(err) != errand.CodeJobFinished {
		a.term.Notef("could not cancel job %s: %v", id, err)
	}
}

// lingering is a context that ends d after ctx does.
func lingering(ctx context.Context, d time.Duration) (context.Context, func()) {
	later, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			end(context.Cause(ctx))
		case <-later.Done():
		}
	})
	return later, func() {
		stop()
		end(nil)
	}
}

// summary says how each command and the whole ended.
func (a *app) summary(j *api.Job) {
	if j.Result != nil {
		a.term.NoteTable(commandHead, commandRows(j))
	}
	took := ""
	if j.Result != nil {
		took = " in " + terminal.FormatDuration(time.Duration(j.Result.DurationMs)*time.Millisecond)
	}
	switch j.Status {
	case errand.Completed:
		a.term.Notef("job %s completed%s with exit code %s", j.ID, took, exitText(j.ExitCode))
	case errand.Cancelled:
		a.term.Notef("job %s was cancelled", j.ID)
	case errand.Pending, errand.Running:
		a.term.Notef("job %s is %s", j.ID, j.Status)
	case errand.Failed:
		fallthrough
	default:
		a.term.Notef("job %s %s: %s: %s", j.ID, j.Status, j.Reason, cmp.Or(j.Error, "no details"))
	}
}

// jobExit is the exit code of errand run for a job that is over; nil for 0.
func jobExit(j *api.Job) error {
	code := terminal.ExitNotRun
	switch {
	case j.Status == errand.Completed && j.ExitCode != nil:
		code = *j.ExitCode
		if code < 0 || code > 255 { // Windows has larger ones, which Unix would cut off, to 0 even
			code = terminal.ExitFailure
		}
	case j.Status == errand.Cancelled:
		code = terminal.ExitCancelled
	case j.Status == errand.Failed && j.Reason == errand.ReasonTimedOut:
		code = terminal.ExitTimedOut
	}
	if code == 0 {
		return nil
	}
	return &terminal.ExitError{Code: code}
}
