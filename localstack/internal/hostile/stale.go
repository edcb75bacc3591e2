package hostile

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// StaleReads keeps what tables were, for as long as a read may be stale: it is the
// engine's dynamodb.Faults. Close it before the store.
type StaleReads struct {
	source *Source
	db     DynamoDB
	clock  clock.Clock
	store  *kv.Store

	mu      sync.Mutex
	moments []*moment   // ascending
	alarm   func() bool // stops the one that is set; nil: none is
	closed  bool
}

// A moment is the store as it was just before a write.
type moment struct {
	at    time.Time
	snap  *kv.Snapshot
	users int
	old   bool // no longer kept: closed when nobody uses it
}

// NewStaleReads returns a StaleReads of a store.
func NewStaleReads(s *Source, db DynamoDB, store *kv.Store, c clock.Clock) *StaleReads {
	return &StaleReads{source: s, db: db, clock: c, store: store}
}

// apart is the least time between two moments that are kept.
const apart = 5 * time.Millisecond

// BeforeWrite implements dynamodb.Faults.
func (p *StaleReads) BeforeWrite() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // a request that outlived the stack's grace
	}
	now := p.clock.Now()
	p.forget(now.Add(-p.reach()))
	if n := len(p.moments); n > 0 && now.Sub(p.moments[n-1].at) < apart {
		return
	}
	p.moments = append(p.moments, &moment{at: now, snap: p.store.NewSnapshot()})
	p.expect()
}

// reach is how far back a read may see.
func (p *StaleReads) reach() time.Duration { return max(p.db.StaleMost, p.db.IndexLagMost) }

// expect sets the alarm. Tables may be quiet from now on, while what is kept of
// them holds back what the other services' deletes would clear away.
func (p *StaleReads) expect() {
	if p.alarm == nil && len(p.moments) > 0 {
		p.alarm = p.clock.AfterFunc(p.reach(), p.expire)
	}
}

func (p *StaleReads) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alarm = nil
	if !p.closed {
		p.forget(p.clock.Now().Add(-p.reach()))
		p.expect()
	}
}

// forget drops what is older than anyone may see.
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
		_ = m.snap.Close() // a snapshot that is in no use closes
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
	m := p.before(now.Add(-p.source.Within(name, most)), now)
	// Where nothing was written of late, there is no past to be shown.
	if m == nil || !p.source.Hit(name, chance) {
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

// before is the store as it was at t: before the first write behind it.
func (p *StaleReads) before(t, now time.Time) *moment {
	for _, m := range p.moments {
		if m.at.After(t) && !m.at.After(now) {
			return m
		}
	}
	return nil
}

// Close lets go of all that is kept. No read may be under way.
func (p *StaleReads) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.alarm != nil {
		p.alarm()
	}
	var errs []error
	for _, m := range p.moments {
		errs = append(errs, m.snap.Close())
	}
	p.moments = nil
	return errors.Join(errs...)
}
