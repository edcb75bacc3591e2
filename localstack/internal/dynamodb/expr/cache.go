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
	nodes := 0
	n.walk(func(*node) { nodes++ })
	c := copier{make([]node, nodes), make([]*node, nodes)}
	return c.copy(n)
}

// A copier has room for the nodes of a tree, and for their arguments.
type copier struct {
	nodes []node
	args  []*node
}

func (c *copier) copy(n *node) *node {
	own := &c.nodes[0]
	c.nodes = c.nodes[1:]
	*own = *n
	if k := len(n.args); k > 0 {
		own.args, c.args = c.args[:k:k], c.args[k:]
		for i, a := range n.args {
			own.args[i] = c.copy(a)
		}
	}
	return own
}
