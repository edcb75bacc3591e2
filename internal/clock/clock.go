// Package clock is where every part of Errand takes the time and its timers
// from: the machine's clock in service, one that tests move by hand.
package clock

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"
)

// A Clock tells the time and calls back later. A test that injects a Manual
// clock can let fifteen days pass in an instant.
type Clock interface {
	// Now is the current time. Successive calls never go back.
	Now() time.Time
	// AfterFunc calls f once, d from now. f must be short and must not block:
	// a Manual clock calls it on the goroutine that moves the clock.
	// stop reports whether it prevented the call, as (*time.Timer).Stop does.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// After returns a channel that is closed d from now, and a function that
// releases the timer.
func After(c Clock, d time.Duration) (done <-chan struct{}, stop func()) {
	ch := make(chan struct{})
	cancel := c.AfterFunc(d, func() { close(ch) })
	return ch, func() { cancel() }
}

// Sleep waits for d. If ctx ends first, Sleep returns its cause.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	done, stop := After(c, d)
	defer stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Real is the machine's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// Manual is a clock that stands still until Advance moves it.
// It is safe for concurrent use.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer // in the order in which they fire
}

// NewManual returns a clock that stands at start.
func NewManual(start time.Time) *Manual { return &Manual{now: start} }

// Now is the time the clock stands at.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// AfterFunc calls f when Advance has moved the clock by d. A d of zero or less
// calls f on a goroutine of its own, at once, as time.AfterFunc does.
func (m *Manual) AfterFunc(d time.Duration, f func()) func() bool {
	if d <= 0 {
		go f()
		return func() bool { return false }
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &timer{m.now.Add(d), f}
	i := sort.Search(len(m.timers), func(i int) bool { return m.timers[i].at.After(t.at) })
	m.timers = slices.Insert(m.timers, i, t)
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		i := slices.Index(m.timers, t)
		if i < 0 {
			return false
		}
		m.timers = slices.Delete(m.timers, i, i+1)
		return true
	}
}

// Advance moves the clock by d, stopping at each timer on the way and calling
// it there, in order of time. Timers that a callback sets within d fire too.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	end := m.now.Add(d)
	for len(m.timers) > 0 && !m.timers[0].at.After(end) {
		t := m.timers[0]
		m.timers = slices.Delete(m.timers, 0, 1)
		if t.at.After(m.now) {
			m.now = t.at
		}
		m.mu.Unlock()
		t.f()
		m.mu.Lock()
	}
	m.now = end
	m.mu.Unlock()
}

// Suspend moves the clock by d as the suspend of a machine does: timers that come
// due meanwhile fire at its end, late.
func (m *Manual) Suspend(d time.Duration) {
	m.mu.Lock()
	m.now = m.now.Add(d)
	m.mu.Unlock()
	m.Advance(0)
}

// Next is the time until the earliest timer, and whether there is one.
func (m *Manual) Next() (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.timers) == 0 {
		return 0, false
	}
	return m.timers[0].at.Sub(m.now), true
}

type timer struct {
	at time.Time
	f  func()
}
