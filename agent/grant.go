package agent

import (
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// grant is the attempt's current permission to write log chunks.
type grant struct {
	clock clock.Clock

	mu      sync.Mutex
	write   errand.WriteGrant
	since   time.Time     // wall time
	refused bool          // by the storage
	renewed chan struct{} // closed by the next renewal
}

func newGrant(c clock.Clock, w errand.WriteGrant) *grant {
	return &grant{clock: c, write: w, since: wallTime(c), renewed: make(chan struct{})}
}

// needsRenewal reports whether the next heartbeat must ask for another grant:
// less than half of its lifetime is left, or the storage refused it.
func (g *grant) needsRenewal() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	life := time.Duration(g.write.ExpiresSeconds) * time.Second
	return g.refused || wallTime(g.clock).Sub(g.since) > life/2
}

func (g *grant) renew(w errand.WriteGrant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write, g.since, g.refused = w, wallTime(g.clock), false
	close(g.renewed)
	g.renewed = make(chan struct{})
}

// current returns the grant, and a channel that the next renewal closes.
func (g *grant) current() (errand.WriteGrant, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write, g.renewed
}

func (g *grant) markRefused() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = true
}
