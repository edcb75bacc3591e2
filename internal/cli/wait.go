package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/terminal"
)

// waitForJob prints a job's output with out until it ends, and then its result. An
// interrupt of first cancels the job, as does output that can't be written; an
// interrupt of second stops the waiting.
func (a *app) waitForJob(first, second context.Context, c *api.Client, id string, out func(api.LogFrame) error, f outputFlags) error {
	first, interrupt := context.WithCancelCause(first)
	defer interrupt(nil)
	var lost error // a part of the output, but for one that nobody wanted to read
	out = a.untilClosed(out, func(err error) {
		if !errors.Is(err, syscall.EPIPE) {
			lost = err
		}
		interrupt(errOutputClosed)
	})
	if f.json {
		out = discardFrame
	}
	cancelling := make(chan struct{})
	stopCancel := context.AfterFunc(first, func() {
		defer close(cancelling)
		if terminal.IsInterrupted(first) {
			again := "; press Ctrl-C again to exit without waiting"
			if errors.Is(context.Cause(first), errOutputClosed) {
				again = ""
			}
			a.requestCancel(second, c, id, again)
		}
	})
	waitCtx, span := a.traces.Start(second, "wait")
	job, err := a.followToEnd(waitCtx, c, id, 0, out)
	traceJob(span, &job)
	span.End(err)
	if !stopCancel() {
		<-cancelling
	}
	if errors.Is(err, terminal.ErrInterrupted) {
		a.term.Warnf("stopped waiting for job %s; check it with errand job %s", id, id)
	}
	if err != nil {
		return err
	}
	switch {
	case !f.json:
		a.printSummary(&job)
	case !f.earlier:
		if err := a.term.PrintJSON(job); err != nil {
			return err
		}
	}
	if err := a.afterEnd(first, c, &job, f); err != nil {
		return err
	}
	if exit := jobExitError(&job); exit != nil || lost == nil {
		return exit
	}
	return fmt.Errorf("a part of the output is lost; errand logs %s has it: %w", id, lost)
}

// afterEnd does what the command does with a job that has ended. If the job failed, its
// exit code is the command's, and an error is only told.
func (a *app) afterEnd(ctx context.Context, c *api.Client, job *api.Job, f outputFlags) error {
	if f.onEnd == nil || terminal.IsInterrupted(ctx) {
		return nil
	}
	err := f.onEnd(ctx, c, job)
	if err == nil || jobExitError(job) == nil {
		return err
	}
	a.term.PrintError(err)
	return nil
}

func discardFrame(api.LogFrame) error { return nil }

// untilClosed prints a job's output with out. When that fails, because nobody reads it any
// more, it calls closed, and drops the rest.
func (a *app) untilClosed(out func(api.LogFrame) error, closed func(error)) func(api.LogFrame) error {
	failed := false
	return func(f api.LogFrame) error {
		if failed {
			return nil
		}
		if err := out(f); err != nil {
			failed = true
			a.term.Warnf("the output cannot be written: %v", err)
			closed(err)
		}
		return nil
	}
}

// cancelGrace is how long the request to cancel may take after a second Ctrl-C:
// some parent processes deliver each Ctrl-C twice.
const cancelGrace = 3 * time.Second

// followToEnd prints a job's output and returns the ended job. A job that was
// presumed lost may turn out to be running; then the output continues. With an
// attempt other than 0, it prints that attempt's output, and the job may go on.
func (a *app) followToEnd(ctx context.Context, c *api.Client, id string, attempt int, out func(api.LogFrame) error) (api.Job, error) {
	return followToEnd(ctx, a.newFollower(c, id, attempt, out))
}

func followToEnd(ctx context.Context, f *follower) (api.Job, error) {
	c, id, oneAttempt := f.client, f.id, f.fixed
	for {
		err := f.follow(ctx)
		if errors.Is(err, terminal.ErrInterrupted) {
			return api.Job{}, err
		}
		if err != nil {
			return api.Job{}, fmt.Errorf("follow job %s: %w", id, err)
		}
		if f.job != nil {
			return *f.job, nil
		}
		job, err := callWithRetry(ctx, retryFollowed, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
		if err != nil {
			return job, fmt.Errorf("read the result of job %s: %w", id, err)
		}
		if job.Status.Terminal() || oneAttempt {
			return job, nil
		}
	}
}

// errOutputClosed is ErrInterrupted, because nobody reads the output.
var errOutputClosed = fmt.Errorf("%w: the output is closed", terminal.ErrInterrupted)

// requestCancel cancels the job on the first Ctrl-C. A second one, which ends ctx,
// doesn't stop the request. again says what the user can do.
func (a *app) requestCancel(ctx context.Context, c *api.Client, id, again string) {
	a.term.Warnf("cancelling job %s%s", id, again)
	ctx, stop := delayCancel(ctx, cancelGrace)
	defer stop()
	_, err := callWithRetry(ctx, retryFollowed, func(ctx context.Context) (api.Job, error) { return c.Cancel(ctx, id) })
	if err != nil && ctx.Err() == nil && api.CodeOf(err) != errand.CodeJobFinished {
		a.term.Warnf("could not cancel job %s: %v", id, err)
	}
}

// delayCancel returns a context that ends d after ctx does.
func delayCancel(ctx context.Context, d time.Duration) (context.Context, func()) {
	delayed, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if clock.Sleep(delayed, clock.Real(), d) == nil {
			cancel(context.Cause(ctx))
		}
	})
	return delayed, func() {
		stop()
		cancel(nil)
	}
}

// printSummary prints how the job and each of its commands ended.
func (a *app) printSummary(j *api.Job) {
	a.term.EndOutput()
	if j.Result != nil {
		a.term.NoteTable(commandHead, commandRows(j))
		for _, line := range testLines(j.Result.Tests) {
			a.term.PrintNote(line)
		}
	}
	a.printEnd(j)
	a.hintShell(j)
}

// hintShell says how to run a line for the shell, if the job was given one as a program.
func (a *app) hintShell(j *api.Job) {
	if j.Reason != errand.ReasonStartFailed || j.Result == nil {
		return
	}
	for i, r := range j.Result.Commands {
		if i < len(j.Commands) && r.ExitCode == -1 && len(j.Commands[i].Argv) == 1 && strings.ContainsAny(j.Commands[i].Argv[0], " |&;") {
			a.term.Hintf("a command after -- runs without a shell; for a line for the shell, use -c: errand run -c %s", errand.QuoteWord(j.Commands[i].Argv[0]))
			return
		}
	}
}

// printEnd prints how the job ended.
func (a *app) printEnd(j *api.Job) {
	a.term.EndOutput()
	took := ""
	if j.Result != nil {
		took = " in " + terminal.FormatDuration(time.Duration(j.Result.DurationMs)*time.Millisecond)
	}
	color := statusColor(j)
	switch j.Status {
	case errand.Completed:
		a.term.NoteColoredf(color, "job %s completed%s with exit code %s", j.ID, took, exitText(j.ExitCode))
	case errand.Cancelled:
		a.term.WarnColoredf(color, "job %s was cancelled", j.ID)
	case errand.Pending, errand.Running:
		a.term.Notef("job %s is %s", j.ID, j.Status)
	case errand.Failed:
		fallthrough
	default:
		a.term.WarnColoredf(color, "job %s %s: %s: %s", j.ID, j.Status, j.Reason, cmp.Or(j.Error, "no details"))
	}
}

// jobExitError returns the exit code of errand run for an ended job; nil for 0.
func jobExitError(j *api.Job) error {
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
