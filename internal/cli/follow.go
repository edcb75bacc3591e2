package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/terminal"
)

const (
	// followWait is how long the server may hold a request for more of the log.
	followWait = 20 * time.Second
	// firstWait is shorter, to tell in time why a job is still pending.
	firstWait = 2 * time.Second
	// emptyInterval is the least time between requests that return no output, if the server
	// names none.
	emptyInterval = time.Second
)

// A follower reads a job's log as it grows, over restarts of the server and
// from one attempt to the next.
type follower struct {
	client *api.Client
	term   *terminal.Terminal
	id     string
	out    func(api.LogFrame) error

	attempt     int // 0: none has begun
	fixed       bool
	start       int64 // where to begin in an attempt's log
	offset      int64
	chunk       int64  // of the page before, for the next request
	unreachable bool   // the server is, and the user was told
	state       string // that was told last: the server answers when it is another; empty if fixed
	progress    progress
	waiting     waiting
	status      errand.Status
	job         *api.Job // once it has ended
	failures    int      // in a row
	bulk        bulkReader
}

// newFollower follows one attempt, or with attempt 0 the current one and those
// that come after it.
func (a *app) newFollower(c *api.Client, id string, attempt int, out func(api.LogFrame) error) *follower {
	return &follower{
		client: c, term: a.term, id: id, out: out, attempt: attempt, fixed: attempt > 0,
		progress: progress{started: map[int]bool{}, ended: map[int]bool{}},
		bulk:     bulkReader{client: c},
	}
}

// follow returns when the job has ended and its log is printed. It retries as
// long as the server is unreachable. If ctx ends, it returns its cause.
func (f *follower) follow(ctx context.Context) error {
	defer f.stopExplaining()
	for {
		asked := time.Now()
		page, err := f.readPage(ctx)
		if err != nil {
			if err := f.waitAfterError(ctx, err); err != nil {
				return err
			}
			continue
		}
		f.noteReachable()
		changed := f.state != "" && f.state != page.State
		done, err := f.printPage(&page)
		if done || err != nil {
			return err
		}
		if err := f.readBulk(ctx, &page); err != nil {
			return err
		}
		if !f.fixed {
			f.state = cmp.Or(f.state, page.State)
		}
		if page.Done || changed {
			continue
		}
		interval := time.Duration(page.PollIntervalMs) * time.Millisecond
		if len(page.Frames) == 0 {
			f.explainPending(ctx)
			interval = cmp.Or(interval, emptyInterval)
		}
		if err := clock.Sleep(ctx, clock.Real(), interval-time.Since(asked)); err != nil {
			return err
		}
	}
}

// readBulk reads what is left of a long log whose attempt has ended.
func (f *follower) readBulk(ctx context.Context, page *api.LogPage) error {
	at, err := f.bulk.read(ctx, api.LogPosition{JobID: f.id, Attempt: f.attempt, Offset: f.offset, Chunk: f.chunk}, page, f.out)
	f.offset, f.chunk = at.Offset, at.Chunk
	return err
}

func (f *follower) readPage(ctx context.Context) (api.LogPage, error) {
	wait := followWait
	if f.status == "" {
		wait = firstWait
	}
	return callOnce(ctx, wait, func(ctx context.Context) (api.LogPage, error) {
		return f.client.FollowLogs(ctx, api.LogPosition{JobID: f.id, Attempt: f.attempt, Offset: f.offset, Chunk: f.chunk}, wait, f.state)
	})
}

// waitAfterError waits after a temporary error, and returns any other.
func (f *follower) waitAfterError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	after, again := api.Temporary(err)
	if !again {
		return err
	}
	if !f.unreachable {
		f.unreachable = true
		f.term.Warnf("the server does not answer (%v); retrying, the job goes on", withoutURL(err))
	}
	f.failures++
	return waitForRetry(ctx, f.failures, after)
}

func (f *follower) noteReachable() {
	if f.unreachable {
		f.term.Warnf("the server answers again")
	}
	f.unreachable, f.failures = false, 0
}

// printPage prints a page of the log. done means that it was the last.
func (f *follower) printPage(page *api.LogPage) (done bool, err error) {
	f.status, f.job = page.Status, page.Job
	if !f.fixed && page.Attempt != f.attempt {
		f.tellEarlier(page)
	}
	f.noteAttempt(page)
	for _, frame := range page.Frames {
		if err := f.out(frame); err != nil {
			return false, err
		}
	}
	f.offset, f.chunk = page.Next, page.Chunk
	if !f.fixed && (page.Done || len(page.Frames) == 0 || page.PollIntervalMs > 0) { // else there may be more output before it
		f.tellProgress(page)
		f.state = page.State
	}
	switch {
	case !page.Done:
		return false, nil
	case f.fixed || page.Status.Terminal():
		return true, nil
	}
	f.attempt, f.offset, f.chunk = 0, f.start, f.start // this attempt is over and the job isn't
	return false, nil
}

// noteAttempt tells that the page is of another attempt than the one before, if
// tellProgress hasn't.
func (f *follower) noteAttempt(page *api.LogPage) {
	if page.Attempt > 1 && page.Attempt != f.attempt && !f.fixed && len(page.Attempts) == 0 {
		f.term.Notef("attempt %d started", page.Attempt)
	}
	f.attempt = page.Attempt
}

// printFrame prints a piece of output; the agent's own messages go to stderr,
// dimmed.
func (a *app) printFrame(f api.LogFrame) error {
	switch f.Stream {
	case errand.Stdout.Name():
		return a.term.WriteStdout(f.Data)
	case errand.System.Name():
		return a.term.WriteMessage(string(f.Data))
	}
	return a.term.WriteStderr(f.Data)
}

// jsonFrame prints a piece of output as one line of JSON.
func (a *app) jsonFrame(f api.LogFrame) error {
	return json.NewEncoder(a.term.Stdout).Encode(f)
}
