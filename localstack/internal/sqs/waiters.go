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
	wake  chan struct{} // has room for one
	woken bool          // under the queue's lock
	place *list.Element
}

type waiters struct{ list list.List }

func (q *queue) park() *waiter {
	w := &waiter{wake: make(chan struct{}, 1)}
	w.place = q.waiters.list.PushBack(w)
	return w
}

func (q *queue) unpark(w *waiter) {
	if w.place != nil {
		q.waiters.list.Remove(w.place)
		w.place = nil
	}
}

// first is whether w is whose turn it is. With nobody parked, it is nil's.
func (q *queue) first(w *waiter) bool {
	front := q.waiters.list.Front()
	if front == nil {
		return true
	}
	return w != nil && w.place == front
}

// rouse wakes the first waiter if there is something to take, and otherwise
// sees to it that the clock calls when there may be.
func (q *queue) rouse(now int64) {
	front := q.waiters.list.Front()
	if front == nil {
		return
	}
	w := front.Value.(*waiter)
	if w.woken {
		return
	}
	q.settle(now) // time has gone on since, and may have brought something
	if q.deleted || q.lane.ready(now) {
		w.woken = true
		w.wake <- struct{}{}
		return
	}
	if at := q.nextEvent(now); at > 0 {
		q.alarm.arm(at)
	}
}

// nextEvent is when, after now, a message comes up or back by itself; 0 is
// never. What is up and yet not ready waits for something else.
func (q *queue) nextEvent(now int64) int64 {
	at := q.lane.next()
	if at <= now {
		at = 0
	}
	if len(q.deadlines) > 0 {
		if back := q.deadlines[0].state.Hidden; at == 0 || back < at {
			at = back
		}
	}
	return at
}

// ring is the alarm's call: something has come up or back.
func (q *queue) ring() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alarm.rang()
	now := q.e.now()
	q.settle(now)
	q.rouse(now)
}

// An alarm calls once at the earliest of the times it was armed for.
// It is used under the queue's lock.
type alarm struct {
	clock clock.Clock
	call  func()
	at    int64 // 0 is unarmed
	stop  func() bool
}

func (a *alarm) init(c clock.Clock, call func()) { a.clock, a.call = c, call }

func (a *alarm) arm(at int64) {
	if a.at != 0 && a.at <= at {
		return
	}
	a.disarm()
	a.at = at
	// Never zero: a call at once would come while the queue is locked.
	wait := max(time.UnixMilli(at).Sub(a.clock.Now()), time.Microsecond)
	a.stop = a.clock.AfterFunc(wait, a.call)
}

func (a *alarm) disarm() {
	if a.at != 0 {
		a.stop()
		a.at = 0
	}
}

// rang notes that the call came. One that was too late to be stopped looks the
// same; it costs the next arm a second timer and no more.
func (a *alarm) rang() { a.disarm() }
