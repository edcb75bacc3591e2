package agent

import (
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// grant is the permission to write log chunks, as last given.
type grant struct {
	clock Clock

	mu      sync.Mutex
	write   errand.WriteGrant
	since   time.Time     // by the wall
	refused bool          // the storage didn't take it
	fresh   chan struct{} // closed by the next one
}

func newGrant(c Clock, w errand.WriteGrant) *grant {
	return &grant{clock: c, write: w, since: wall(c), fresh: make(chan struct{})}
}

// old reports whether the next heartbeat is to ask for another: less than half
// of its life is left, or the storage refused it.
func (g *grant) old() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	life := time.Duration(g.write.ExpiresSeconds) * time.Second
	return g.refused || wall(g.clock).Sub(g.since) > life/2
}

// renew takes in another.
func (g *grant) renew(w errand.WriteGrant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write, g.since, g.refused = w, wall(g.clock), false
	close(g.fresh)
	g.fresh = make(chan struct{})
}

// use is the grant, and what the next one closes.
func (g *grant) use() (errand.WriteGrant, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write, g.fresh
}

// refuse notes that the storage refused it.
func (g *grant) refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = true
}
