package agent

import (
	"context"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/spool"
)

// When log chunks go out.
const (
	chunkBytes    = 256 << 10        // as soon as there is that much
	chunkLimit    = 1 << 20          // of one chunk, when catching up
	flushInterval = 10 * time.Second // or it is that old
	watchInterval = time.Second      // where someone watches, one chunk each
	watchDelay    = 50 * time.Millisecond
)

// uploader sends an attempt's log to the storage as it grows: chunks in order,
// one at a time, each until it has arrived.
type uploader struct {
	t     *attempt
	spool *spool.Spool
	wake  chan struct{}
	end   context.CancelFunc
	owned sync.WaitGroup

	mu      sync.Mutex
	watched bool

	// Of the goroutine that start began, and after stop of its caller.
	sent   spool.Pos
	trying spool.Pos // end of the chunk that may have arrived; equal to sent: none
	since  time.Time // when there was first something to send
	last   time.Time // when a chunk was last sent
}

func newUploader(t *attempt, watched bool) *uploader {
	return &uploader{t: t, wake: make(chan struct{}, 1), watched: watched}
}

// watch says whether someone reads the log now.
func (u *uploader) watch(on bool) {
	u.mu.Lock()
	changed := u.watched != on
	u.watched = on
	u.mu.Unlock()
	if changed {
		select {
		case u.wake <- struct{}{}:
		default:
		}
	}
}

// start sends what there is as it comes, until stop.
func (u *uploader) start(s *spool.Spool) {
	ctx, end := context.WithCancel(u.t.report)
	u.spool, u.end = s, end
	u.owned.Go(func() { u.live(ctx) })
}

// stop ends that, breaking off what is under way, and says how far it came.
func (u *uploader) stop() (sent, trying spool.Pos) {
	u.end()
	u.owned.Wait()
	return u.sent, u.trying
}

func (u *uploader) live(ctx context.Context) {
	for ctx.Err() == nil {
		wait, something := u.due()
		if something && wait <= 0 {
			if u.sendNext(ctx, u.spool.End(), 0) != nil {
				return
			}
			continue
		}
		u.await(ctx, wait, something)
	}
}

// await waits for a time, if there is one, or a change.
func (u *uploader) await(ctx context.Context, wait time.Duration, timed bool) {
	var due <-chan struct{}
	if timed {
		var stop func()
		due, stop = timer(u.t.a.Clock, wait)
		defer stop()
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-u.wake:
	case <-u.spool.Grown():
	}
}

// due is how long what there is may wait, if there is something.
func (u *uploader) due() (wait time.Duration, something bool) {
	pending := u.spool.End().Log - u.sent.Log
	now := u.t.a.Clock.Now()
	if pending == 0 {
		u.since = time.Time{}
		return 0, false
	}
	if u.since.IsZero() {
		u.since = now
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case pending >= chunkBytes:
		return 0, true
	case !u.watched:
		return u.since.Add(flushInterval).Sub(now), true
	}
	at := u.since.Add(watchDelay)
	if next := u.last.Add(watchInterval); next.After(at) {
		at = next
	}
	return at.Sub(now), true
}

// maxRefusals is how many grants in a row the storage may refuse for a chunk
// before it is taken at its word; 0 where sendNext is to go on. One that has
// expired counts once, however long the server that renews it is away.
const maxRefusals = 10

// sendNext sends the next chunk, for as long as it takes. Errors: the cause of
// ctx's end; errRefused, after so many refusals (0: never).
func (u *uploader) sendNext(ctx context.Context, end spool.Pos, refusals int) error {
	if u.trying == u.sent {
		u.trying = end
	}
	chunk, next, err := u.spool.Read(u.sent, u.trying, chunkLimit)
	if err != nil {
		return err
	}
	u.trying = next
	refused, counted := 0, (<-chan struct{})(nil)
	for n := 1; ; n++ {
		grant, fresh := u.t.grant.use()
		err := postChunk(ctx, u.t.a.HTTP, grant, errand.LogChunkKey(u.t.JobID, u.t.Attempt, u.sent.Log), chunk)
		if err == nil {
			u.sent, u.since, u.last = next, time.Time{}, u.t.a.Clock.Now()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.t.a.Log.Warn("log chunk not sent, trying again", "job", u.t.JobID, "offset", u.sent.Log, "try", n, "err", err)
		if isRefusal(err) {
			if counted != fresh { // another grant than the last that was refused
				counted = fresh
				refused++
			}
			if refused == refusals {
				return err
			}
			u.t.grant.refuse()
			u.t.a.pulse.kick()
		}
		if err := u.pause(ctx, n, fresh); err != nil {
			return err
		}
	}
}

// pause waits after failure n, or until there is another grant.
func (u *uploader) pause(ctx context.Context, n int, fresh <-chan struct{}) error {
	due, stop := timer(u.t.a.Clock, u.t.a.Backoff.delay(n, 0))
	defer stop()
	select {
	case <-due:
	case <-fresh:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// finish sends what is left of a finished log but for an end that rides in the
// result, and puts that into log. What the storage refuses for good is left
// out: the job isn't lost for its log. Errors: the cause of ctx's end.
func (u *uploader) finish(ctx context.Context, end spool.Pos, log *errand.Log) error {
	for u.trying != u.sent || end.Log-u.sent.Log > errand.LogTailBytes {
		err := u.sendNext(ctx, end, maxRefusals)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			u.t.a.Log.Error("the log's end could not be sent", "job", u.t.JobID, "offset", u.sent.Log, "err", err)
			u.sent, u.trying = end, end
		}
	}
	log.Tail, log.TailOffset = nil, end.Log
	if end.Log == u.sent.Log {
		return nil
	}
	tail, at, err := u.spool.Read(u.sent, end, int(end.File-u.sent.File))
	if err != nil || at != end {
		u.t.a.Log.Error("the log's end could not be read", "job", u.t.JobID, "err", err)
		return nil
	}
	log.Tail, log.TailOffset = tail, u.sent.Log
	return nil
}
