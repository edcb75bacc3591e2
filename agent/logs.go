package agent

import (
	"context"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/logchunk"
)

// When log chunks are sent.
const (
	chunkBytes    = 256 << 10        // as soon as there is this much
	flushInterval = 10 * time.Second // or it is this old
	watchInterval = time.Second      // at most this often while someone watches the log
	// lateInterval is the same after earlyWatch, where each chunk is paid for.
	lateInterval  = 2 * time.Second
	earlyWatch    = 30 * time.Second
	watchDelay    = 50 * time.Millisecond
	maxChunkBytes = 1 << 20
)

// uploader sends an attempt's log to the storage as it grows: in chunks, in
// order, one at a time, and retries each until it has arrived.
type uploader struct {
	t     *attempt
	spool *spool.Reader
	wake  chan struct{}
	end   context.CancelFunc
	owned sync.WaitGroup

	mu      sync.Mutex
	watched time.Time // since when someone watches the log; zero: nobody does
	rest    time.Time // until when the end of the log waits for the result; zero: the commands run

	// Owned by the goroutine of start and, after stop, by the caller.
	attemptdir.Progress
	since time.Time // when the oldest unsent bytes were written
	last  time.Time // when a chunk was last sent
}

func newUploader(t *attempt, watched bool) *uploader {
	u := &uploader{t: t, wake: make(chan struct{}, 1)}
	u.watch(watched)
	return u
}

// watch sets whether someone watches the log.
func (u *uploader) watch(on bool) {
	u.mu.Lock()
	changed := u.watched.IsZero() == on
	switch {
	case changed && on:
		u.watched = u.t.agent.Clock.Now()
	case changed:
		u.watched = time.Time{}
	}
	u.mu.Unlock()
	if changed {
		select {
		case u.wake <- struct{}{}:
		default:
		}
	}
}

func (u *uploader) isWatched() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.watched.IsZero()
}

// start sends the log as it grows, until stop. Later calls do nothing.
func (u *uploader) start(s *spool.Reader) {
	if u.spool != nil {
		return
	}
	u.Progress = u.t.dir.Progress()
	u.limit(s.End())
	ctx, end := context.WithCancel(u.t.reportCtx)
	u.spool, u.end = s, end
	u.owned.Go(func() { u.loop(ctx) })
}

// limit forgets what was sent after end: the machine lost it.
func (u *uploader) limit(end spool.Pos) {
	if u.Sent.File > end.File || u.Trying.File > end.File {
		u.Sent.File, u.Sent.Log = min(u.Sent.File, end.File), min(u.Sent.Log, end.Log)
		u.Trying = u.Sent
	}
}

// stop interrupts the upload.
func (u *uploader) stop() {
	u.end()
	u.owned.Wait()
}

// keep notes the progress on disk, so that another process can go on.
func (u *uploader) keep() {
	if err := u.t.dir.WriteProgress(u.Progress); err != nil {
		u.t.agent.Log.Warn("could not note how far the log is sent", "job", u.t.JobID, "err", err)
	}
}

func (u *uploader) loop(ctx context.Context) {
	for ctx.Err() == nil {
		wait, pending := u.due()
		if pending && wait <= 0 {
			if u.sendNext(ctx, u.spool.End(), 0) != nil {
				return
			}
			continue
		}
		u.await(ctx, wait, pending)
	}
}

// await waits for a change or, if timed, for the time wait.
func (u *uploader) await(ctx context.Context, wait time.Duration, timed bool) {
	var due <-chan struct{}
	if timed {
		var stop func()
		due, stop = clock.After(u.t.agent.Clock, wait)
		defer stop()
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-u.wake:
	case <-u.spool.Grown():
	}
}

// due returns whether there is something to send, and how long it may wait.
func (u *uploader) due() (wait time.Duration, pending bool) {
	unsent := u.spool.End().Log - u.Sent.Log
	now := u.t.agent.Clock.Now()
	if unsent == 0 {
		u.since = time.Time{}
		return 0, false
	}
	if u.since.IsZero() {
		u.since = now
	}
	interval := u.interval(now)
	switch {
	case unsent >= chunkBytes:
		return 0, true
	case interval == 0:
		return u.since.Add(flushInterval).Sub(now), true
	}
	at := u.since.Add(watchDelay)
	for _, next := range []time.Time{u.last.Add(interval), u.restUntil()} {
		if next.After(at) {
			at = next
		}
	}
	return at.Sub(now), true
}

// holdRest says that the commands have ended: who watches gets the end of the log with the
// result, unless that takes long.
func (u *uploader) holdRest() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rest = u.t.agent.Clock.Now().Add(slowStage)
}

func (u *uploader) restUntil() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rest
}

// interval is the least time between two chunks while someone watches the log, or 0.
func (u *uploader) interval(now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.watched.IsZero():
		return 0
	case u.t.agent.registration.current().PollWait == 0 && now.Sub(u.watched) >= earlyWatch:
		return lateInterval
	}
	return watchInterval
}

// maxRefusals is how many grants the storage may refuse for one chunk before the
// agent gives the chunk up. An expired grant counts once, however long the
// server can't renew it.
const maxRefusals = 10

// sendNext sends the next chunk, and retries until it has arrived. Errors: the
// cause of ctx's end; a refusal, after limit refused grants (0: no limit).
func (u *uploader) sendNext(ctx context.Context, end spool.Pos, limit int) error {
	if u.Trying == u.Sent {
		u.Trying = end
	}
	chunk, next, err := u.spool.Read(u.Sent, u.Trying, maxChunkBytes)
	if err != nil {
		return err
	}
	u.Trying = next
	u.keep()
	refusals, counted := 0, (<-chan struct{})(nil)
	for n := 1; ; n++ {
		grant, renewed := u.t.grant.current()
		err := logchunk.Post(ctx, u.t.agent.HTTP, grant, errand.LogChunkKey(u.t.JobID, u.t.Attempt, u.Sent.Log), chunk)
		if err == nil {
			u.Sent, u.since, u.last = next, time.Time{}, u.t.agent.Clock.Now()
			u.keep()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.t.agent.Log.Warn("could not send a part of the log, trying again", "job", u.t.JobID, "offset", u.Sent.Log, "try", n, "err", err)
		if logchunk.IsRefusal(err) {
			if counted != renewed { // not the grant that was counted last
				counted = renewed
				refusals++
			}
			if refusals == limit {
				return err
			}
			u.t.grant.markRefused()
			u.t.agent.heartbeat.sendNow()
		}
		if err := u.backOff(ctx, n, renewed); err != nil {
			return err
		}
	}
}

// backOff waits after failure n, or until the grant is renewed.
func (u *uploader) backOff(ctx context.Context, n int, renewed <-chan struct{}) error {
	due, stop := clock.After(u.t.agent.Clock, u.t.agent.Backoff.Delay(n, 0))
	defer stop()
	select {
	case <-due:
	case <-renewed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// finish sends the rest of a finished log, except for a short end that it puts
// into log, to be sent with the result. It leaves out what the storage refuses
// for good: the result matters more. Errors: the cause of ctx's end.
func (u *uploader) finish(ctx context.Context, end spool.Pos, log *errand.Log) error {
	u.limit(end)
	for u.Trying != u.Sent || end.Log-u.Sent.Log > errand.LogTailBytes {
		err := u.sendNext(ctx, end, maxRefusals)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			u.t.agent.Log.Error("could not send the end of the log; reporting the result without it", "job", u.t.JobID, "offset", u.Sent.Log, "err", err)
			u.Sent, u.Trying = end, end
		}
	}
	log.Tail, log.TailOffset = nil, end.Log
	if end.Log == u.Sent.Log {
		return nil
	}
	tail, at, err := u.spool.Read(u.Sent, end, int(end.File-u.Sent.File))
	if err != nil || at != end {
		u.t.agent.Log.Error("could not read the end of the log; reporting the result without it", "job", u.t.JobID, "err", err)
		return nil
	}
	log.Tail, log.TailOffset = tail, u.Sent.Log
	return nil
}
