package cli

import (
	"context"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/terminal"
)

// explainWait is how long the server may hold a request for another explanation.
const explainWait = 15 * time.Second

// waiting tells the user why a job is pending, and again when the reason changes, beside
// the requests for its log.
type waiting struct {
	stop func() // nil: it doesn't
	told chan bool
}

// explainPending begins to tell why the job is pending.
func (f *follower) explainPending(ctx context.Context) {
	if f.status != errand.Pending || f.waiting.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan bool, 1)
	f.waiting = waiting{cancel, told}
	go func() { told <- f.explainUntil(ctx) }()
}

// stopExplaining ends what explainPending began, and reports whether anything was told.
func (f *follower) stopExplaining() bool {
	if f.waiting.stop == nil {
		return false
	}
	f.waiting.stop()
	told := <-f.waiting.told
	f.waiting = waiting{}
	return told
}

// explainUntil tells why the job is pending until ctx ends or the job isn't. Errors are
// ignored: the requests for the log show them.
func (f *follower) explainUntil(ctx context.Context) (told bool) {
	var last errand.Explanation
	for isFirst := true; ; isFirst = false {
		e, err := callOnce(ctx, explainWait, func(ctx context.Context) (errand.Explanation, error) {
			return f.client.AwaitExplanation(ctx, f.id, explainWait, last.State)
		})
		interval := explainWait
		switch {
		case ctx.Err() != nil, err == nil && e.Status != errand.Pending:
			return told
		case err != nil:
		case isFirst && e.Cause == errand.CauseNext: // a worker takes most jobs soon
			last.State, interval = e.State, e.Interval()
		default:
			interval = e.Interval()
			if e.State != last.State || e.Position != last.Position {
				told = true
				f.tellExplanation(&e)
			}
			last = e
		}
		if clock.Sleep(ctx, clock.Real(), interval) != nil {
			return told
		}
	}
}

func (f *follower) tellExplanation(e *errand.Explanation) {
	f.term.Notef("%s", withLocalTimes(terminal.ReplaceControls(e.Sentence), time.Local))
	if hint := explainHint(e); hint != "" {
		f.term.Hintf("%s", hint)
	}
}
