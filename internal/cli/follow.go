package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

const (
	// followWait is how long the server may hold a question for more of the log.
	followWait = 20 * time.Second
	// firstWait is shorter, to tell soon that nobody takes the job.
	firstWait = 2 * time.Second
	// emptyEvery is the least time between questions that brought nothing.
	emptyEvery = time.Second
)

// A follower reads a job's log as it grows, over restarts of the server and
// from one attempt to the next.
type follower struct {
	client *api.Client
	term   *terminal.Terminal
	id     string
	out    func(api.LogFrame) error

	attempt int // 0: none has begun
	fixed   bool
	offset  int64
	away    bool // the server is, and the user knows
	hinted  bool
	status  errand.Status
	wait    backoff
}

// newFollower follows one attempt, or with attempt 0 the current one and those
// that come after it.
func (a *app) newFollower(c *api.Client, id string, attempt int, out func(api.LogFrame) error) *follower {
	return &follower{client: c, term: a.term, id: id, out: out, attempt: attempt, fixed: attempt > 0}
}

// follow returns when the job is over and its log is out. An outage of the
// server is waited for, however long; ctx ends it, with its cause.
func (f *follower) follow(ctx context.Context) error {
	for {
		asked := time.Now()
		page, err := f.read(ctx)
		if err != nil {
			if err := f.retry(ctx, err); err != nil {
				return err
			}
			continue
		}
		f.back()
		done, err := f.take(page)
		if done || err != nil {
			return err
		}
		if len(page.Frames) > 0 || page.Done {
			continue
		}
		f.hintPending(ctx)
		if err := sleep(ctx, emptyEvery-time.Since(asked)); err != nil {
			return err
		}
	}
}

func (f *follower) read(ctx context.Context) (api.LogPage, error) {
	wait := followWait
	if !f.hinted {
		wait = firstWait
	}
	return once(ctx, func(ctx context.Context) (api.LogPage, error) {
		return f.client.Logs(ctx, f.id, f.attempt, f.offset, wait)
	})
}

// retry waits after an error that may pass, and returns one that won't.
func (f *follower) retry(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	after, again := api.Temporary(err)
	if !again {
		return err
	}
	if !f.away {
		f.away = true
		f.term.Notef("the server does not answer (%v); retrying, the job goes on", err)
	}
	return f.wait.sleep(ctx, after)
}

func (f *follower) back() {
	if f.away {
		f.term.Notef("the server answers again")
	}
	f.away, f.wait = false, backoff{}
}

// take prints a page, and says whether it was the last.
func (f *follower) take(page api.LogPage) (done bool, err error) {
	f.status = page.Status
	f.begin(page.Attempt)
	for _, frame := range page.Frames {
		if err := f.out(frame); err != nil {
			return false, err
		}
	}
	f.offset = page.Next
	switch {
	case !page.Done:
		return false, nil
	case f.fixed || page.Status.Terminal():
		return true, nil
	}
	f.attempt, f.offset = 0, 0 // this attempt is over and the job isn't
	return false, nil
}

// begin notes which attempt a page is of.
func (f *follower) begin(attempt int) {
	if attempt > 1 && attempt != f.attempt && !f.fixed {
		f.term.Notef("attempt %d started", attempt)
	}
	f.attempt = attempt
}

// hintPending says, once, why a job may be waiting.
func (f *follower) hintPending(ctx context.Context) {
	if f.hinted {
		return
	}
	f.hinted = true
	if f.status != errand.Pending {
		return
	}
	job, err := once(ctx, func(ctx context.Context) (api.Job, error) { return f.client.Job(ctx, f.id) })
	if err != nil || job.Status != errand.Pending {
		return
	}
	list, err := listWorkers(ctx, f.client)
	if err != nil {
		return
	}
	takes := func(w api.Worker) bool { return w.Online && slices.Contains(w.Queues, job.Queue) }
	if slices.ContainsFunc(list.Workers, takes) {
		f.term.Notef("job %s is waiting for a free worker", f.id)
		return
	}
	f.term.Notef("job %s is waiting: no worker for queue %q is online", f.id, job.Queue)
	f.term.Hintf("start a worker with errand agent, or cancel the job with errand cancel %s", f.id)
}

// printFrame prints a piece of output where it belongs: what the agent says
// itself goes to stderr, dimmed.
func (a *app) printFrame(f api.LogFrame) error {
	var err error
	switch f.Stream {
	case errand.Stdout.Name():
		_, err = a.term.Stdout.Write(f.Data)
	case errand.System.Name():
		_, err = fmt.Fprint(a.term.Stderr, a.term.Dim(terminal.ReplaceControls(string(f.Data))))
	default:
		_, err = a.term.Stderr.Write(f.Data)
	}
	return err
}

// jsonFrame prints a piece of output as one line of JSON.
func (a *app) jsonFrame(f api.LogFrame) error {
	return json.NewEncoder(a.term.Stdout).Encode(f)
}
