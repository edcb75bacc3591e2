package expr

import (
	"strings"
	"sync"
)

// maxCached is how many texts of a kind are kept. One more, and all go: who
// builds values into texts has no use of them, and everyone else has few.
const maxCached = 1000

// A cache keeps what texts say: programs send the same few again and again, and
// put what changes into names and values. What is kept is never changed; only
// what had no fault is.
type cache[T any] struct {
	mu sync.RWMutex
	by map[string]T
}

// get returns what src says, by read where it isn't known.
func (c *cache[T]) get(src string, read func(src string) (T, error)) (T, error) {
	c.mu.RLock()
	known, ok := c.by[src]
	c.mu.RUnlock()
	if ok {
		return known, nil
	}
	src = strings.Clone(src) // it is part of a request, which needn't stay
	fresh, err := read(src)
	if err != nil {
		return fresh, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil || len(c.by) >= maxCached {
		c.by = map[string]T{}
	}
	c.by[src] = fresh
	return fresh, nil
}

var (
	conditions  cache[*node]
	updates     cache[[]action]
	projections cache[[]Path]
)

// clone copies a tree, to put names and values into.
func (n *node) clone() *node {
	c := *n
	if len(n.args) > 0 {
		c.args = make([]*node, len(n.args))
		for i, a := range n.args {
			c.args[i] = a.clone()
		}
	}
	return &c
}
