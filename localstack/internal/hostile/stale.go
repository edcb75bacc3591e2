package hostile

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// StaleReads implements dynamodb.Faults. It keeps snapshots of the store for as long
// as a read may be stale. Close it before the store.
type StaleReads struct {
	random *Random
	db     DynamoDB
	clock  clock.Clock
	store  *kv.Store

	mu        sync.Mutex
	moments   []*moment   // ascending
	stopTimer func() bool // nil: no timer is set
	closed    bool
}

// A moment is the store as it was just before a write.
type moment struct {
	at    time.Time
	snap  *kv.Snapshot
	users int
	old   bool // to be closed when nobody uses it
}

// NewStaleReads returns a StaleReads of a store.
func NewStaleReads(s *Random, db DynamoDB, store *kv.Store, c clock.Clock) *StaleReads {
	return &StaleReads{random: s, db: db, clock: c, store: store}
}

// apart is the shortest time between two moments.
const apart = 5 * time.Millisecond

// BeforeWrite implements dynamodb.Faults.
func (p *StaleReads) BeforeWrite() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // the request outlived the grace of Stack.Close
	}
	now := p.clock.Now()
	p.forget(now.Add(-p.reach()))
	if n := len(p.moments); n > 0 && now.Sub(p.moments[n-1].at) < apart {
		return
	}
	p.moments = append(p.moments, &moment{at: now, snap: p.store.NewSnapshot()})
	p.setTimer()
}

// reach is how old the state that a read returns may be.
func (p *StaleReads) reach() time.Duration { return max(p.db.StaleMost, p.db.IndexLagMost) }

// setTimer makes snapshots expire also if no table is written any more: while one
// is open, the database can't reclaim what the other services delete.
func (p *StaleReads) setTimer() {
	if p.stopTimer == nil && len(p.moments) > 0 {
		p.stopTimer = p.clock.AfterFunc(p.reach(), p.expire)
	}
}

func (p *StaleReads) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopTimer = nil
	if !p.closed {
		p.forget(p.clock.Now().Add(-p.reach()))
		p.setTimer()
	}
}

// forget drops the moments before the horizon.
func (p *StaleReads) forget(horizon time.Time) {
	for len(p.moments) > 0 && !p.moments[0].at.After(horizon) {
		m := p.moments[0]
		p.moments = p.moments[1:]
		m.old = true
		m.closeUnused()
	}
}

func (m *moment) closeUnused() {
	if m.old && m.users == 0 {
		_ = m.snap.Close() // fails only while in use
	}
}

// View implements dynamodb.Faults.
func (p *StaleReads) View(space *kv.Space, global bool) (*kv.Space, func()) {
	name, chance, most := "dynamodb.stale", p.db.Stale, p.db.StaleMost
	if global {
		name, chance, most = "dynamodb.indexLag", p.db.IndexLag, p.db.IndexLagMost
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	m := p.before(now.Add(-p.random.Duration(name, most)), now)
	// If nothing was written lately, the current state is as old.
	if m == nil || !p.random.Happens(name, chance) {
		return space, func() {}
	}
	m.users++
	return space.At(m.snap), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		m.users--
		m.closeUnused()
	}
}

// before returns the state of the store at t: that before the first write after t.
func (p *StaleReads) before(t, now time.Time) *moment {
	for _, m := range p.moments {
		if m.at.After(t) && !m.at.After(now) {
			return m
		}
	}
	return nil
}

// Close closes all snapshots. No read may be in progress.
func (p *StaleReads) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.stopTimer != nil {
		p.stopTimer()
	}
	var errs []error
	for _, m := range p.moments {
		errs = append(errs, m.snap.Close())
	}
	p.moments = nil
	return errors.Join(errs...)
}
