package sqs

import (
	"container/list"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// A waiter is a long poll that is parked. Waiters are served in the order they
// came: only the first is ever woken, and when it is served, or leaves, the
// next is, if there is something left to take. So each message wakes one.
type waiter struct {
	wake    chan struct{} // has room for one
	woken   bool          // under the queue's lock
	element *list.Element
}

type waiters struct{ list list.List }

func (q *queue) addWaiter() *waiter {
	w := &waiter{wake: make(chan struct{}, 1)}
	w.element = q.waiters.list.PushBack(w)
	return w
}

func (q *queue) removeWaiter(w *waiter) {
	if w.element != nil {
		q.waiters.list.Remove(w.element)
		w.element = nil
	}
}

// first is whether w is whose turn it is. With nobody parked, it is nil's.
func (q *queue) isFirstWaiter(w *waiter) bool {
	front := q.waiters.list.Front()
	if front == nil {
		return true
	}
	return w != nil && w.element == front
}

// rouse wakes the first waiter if there is something to take, and otherwise
// sees to it that the clock calls when there may be.
func (q *queue) wakeWaiter(now int64) {
	front := q.waiters.list.Front()
	if front == nil {
		return
	}
	w := front.Value.(*waiter)
	if w.woken {
		return
	}
	q.advance(now) // time has gone on since, and may have brought something
	if q.deleted || q.backlog.hasAvailable(now) {
		w.woken = true
		w.wake <- struct{}{}
		return
	}
	if at := q.nextChangeAt(now); at > 0 {
		q.wakeTimer.set(at)
	}
}

// nextEvent is when, after now, a message comes up or back by itself; 0 is
// never. What is up and yet not ready waits for something else.
func (q *queue) nextChangeAt(now int64) int64 {
	at := q.backlog.nextAvailableAt()
	if at <= now {
		at = 0
	}
	if len(q.deadlines) > 0 {
		if back := q.deadlines[0].state.VisibleAt; at == 0 || back < at {
			at = back
		}
	}
	return at
}

// ring is the alarm's call: something has come up or back.
func (q *queue) wakeTimerFired() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeTimer.rang()
	now := q.e.now()
	q.advance(now)
	q.wakeWaiter(now)
}

// An alarm calls once at the earliest of the times it was armed for.
// It is used under the queue's lock.
type wakeTimer struct {
	clock clock.Clock
	fire  func()
	at    int64 // 0 is unarmed
	stop  func() bool
}

func (a *wakeTimer) init(c clock.Clock, call func()) { a.clock, a.fire = c, call }

func (a *wakeTimer) set(at int64) {
	if a.at != 0 && a.at <= at {
		return
	}
	a.disarm()
	a.at = at
	// Never zero: a call at once would come while the queue is locked.
	wait := max(time.UnixMilli(at).Sub(a.clock.Now()), time.Microsecond)
	a.stop = a.clock.AfterFunc(wait, a.fire)
}

func (a *wakeTimer) disarm() {
	if a.at != 0 {
		a.stop()
		a.at = 0
	}
}

// rang notes that the call came. One that was too late to be stopped looks the
// same; it costs the next arm a second timer and no more.
func (a *wakeTimer) rang() { a.disarm() }
