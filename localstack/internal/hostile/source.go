package hostile

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// A Source decides. The n-th decision of a kind is the same for the same seed,
// whatever was decided of other kinds meanwhile. It is safe for concurrent use.
type Source struct {
	seed  uint64
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	rng      *rand.Rand
	happened int64
}

// NewSource returns the source of a seed.
func NewSource(seed uint64) *Source { return &Source{seed: seed, kinds: map[string]*kind{}} }

// of finds a kind. The caller holds s.mu.
func (s *Source) of(name string) *kind {
	k := s.kinds[name]
	if k == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // never fails
		k = &kind{rng: rand.New(rand.NewPCG(s.seed, h.Sum64()))}
		s.kinds[name] = k
	}
	return k
}

// Hit decides whether something of a kind happens, with probability p, and
// counts it if so.
func (s *Source) Hit(name string, p float64) bool {
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

// N is a number in [0, n), and 0 where there is none.
func (s *Source) N(name string, n int64) int64 {
	if n <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(name + " size").rng.Int64N(n)
}

// Within is a time in (0, most].
func (s *Source) Within(name string, most time.Duration) time.Duration {
	return min(most, time.Duration(s.N(name, int64(most)))+1)
}

// Happened is how often each kind has happened.
func (s *Source) Happened() map[string]int64 {
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
