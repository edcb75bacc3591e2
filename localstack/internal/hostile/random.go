package hostile

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Random decides which faults happen. For each kind of fault it has a generator of
// its own, so the decisions on one kind don't depend on those on others. It is
// safe for concurrent use.
type Random struct {
	seed  uint64
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	rng      *rand.Rand
	happened int64
}

func NewRandom(seed uint64) *Random { return &Random{seed: seed, kinds: map[string]*kind{}} }

// of returns a kind, and creates it if needed. The caller holds s.mu.
func (s *Random) of(name string) *kind {
	k := s.kinds[name]
	if k == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // never fails
		k = &kind{rng: rand.New(rand.NewPCG(s.seed, h.Sum64()))}
		s.kinds[name] = k
	}
	return k
}

// Happens reports, with probability p, that a fault happens, and counts it.
func (s *Random) Happens(name string, p float64) bool {
	if p <= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.of(name)
	hit := k.rng.Float64() < p
	if hit {
		k.happened++
	}
	return hit
}

// IntN returns a number in [0, n), and 0 if n is not positive.
func (s *Random) IntN(name string, n int64) int64 {
	if n <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(name + " size").rng.Int64N(n)
}

// Duration returns a duration in (0, most].
func (s *Random) Duration(name string, most time.Duration) time.Duration {
	return min(most, time.Duration(s.IntN(name, int64(most)))+1)
}

// Counts returns how often each kind of fault has happened.
func (s *Random) Counts() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]int64, len(s.kinds))
	for name, k := range s.kinds {
		if k.happened > 0 {
			all[name] = k.happened
		}
	}
	return all
}
