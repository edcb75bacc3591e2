// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html

package sqs

import (
	"container/list"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// A waiter is a long poll that waits for a message. Only the first waiter is
// ever woken. When it has received, or leaves, it wakes the next if there is
// more to receive. So each message wakes one waiter.
type waiter struct {
	wake    chan struct{} // buffered: 1
	woken   bool          // under the queue's lock
	element *list.Element // of queue.waiters; nil once removed
}

func (q *queue) addWaiter() *waiter {
	w := &waiter{wake: make(chan struct{}, 1)}
	w.element = q.waiters.PushBack(w)
	return w
}

func (q *queue) removeWaiter(w *waiter) {
	if w.element != nil {
		q.waiters.Remove(w.element)
		w.element = nil
	}
}

// reset lets a waiter be woken again.
func (w *waiter) reset() {
	select {
	case <-w.wake:
	default:
	}
	w.woken = false
}

// isFirstWaiter reports whether it is the turn of w; nil is a receive that
// doesn't wait.
func (q *queue) isFirstWaiter(w *waiter) bool {
	front := q.waiters.Front()
	if front == nil {
		return true
	}
	return w != nil && w.element == front
}

// wakeWaiter wakes the first waiter if there is something to receive. If not, it
// sets the timer for when there may be.
func (q *queue) wakeWaiter(now int64) {
	front := q.waiters.Front()
	if front == nil {
		return
	}
	w := front.Value.(*waiter)
	if w.woken {
		return
	}
	q.advance(now)
	if q.deleted || q.backlog.hasAvailable() {
		w.woken = true
		w.wake <- struct{}{}
		return
	}
	if at := q.nextChangeAt(now); at > 0 {
		q.wakeTimer.set(at)
	}
}

// nextChangeAt is when the next message becomes visible by itself; 0 if none
// does. A message that is visible and not available waits for something else.
func (q *queue) nextChangeAt(now int64) int64 {
	at := q.backlog.nextAvailableAt()
	if at <= now {
		at = 0
	}
	if q.deadlines.Len() > 0 {
		if deadline := q.deadlines.first().state.VisibleAt; at == 0 || deadline < at {
			at = deadline
		}
	}
	return at
}

func (q *queue) wakeTimerFired() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeTimer.stop()
	now := q.e.now()
	q.advance(now)
	q.wakeWaiter(now)
}

// A wakeTimer fires once, at the earliest of the times that it was set to. It is
// used under the queue's lock. A timer that fires while it is being stopped
// costs an extra wakeTimerFired and no more.
type wakeTimer struct {
	clock  clock.Clock
	fire   func()
	at     int64 // ms; 0: not set
	cancel func() bool
}

func (t *wakeTimer) set(at int64) {
	if t.at != 0 && t.at <= at {
		return
	}
	t.stop()
	t.at = at
	// Not zero: a clock may call fire at once, which needs the queue's lock.
	wait := max(time.UnixMilli(at).Sub(t.clock.Now()), time.Microsecond)
	t.cancel = t.clock.AfterFunc(wait, t.fire)
}

func (t *wakeTimer) stop() {
	if t.at != 0 {
		t.cancel()
		t.at = 0
	}
}
