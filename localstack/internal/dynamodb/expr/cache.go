package expr

import (
	"strings"
	"sync"
)

// maxCached is how many expressions of a kind are kept. The next one empties the
// cache: programs that build values into expressions gain nothing from it, and all
// others have few expressions.
const maxCached = 1000

// A cache keeps parsed expressions: programs send the same few again and again, and
// put what changes into names and values. It keeps only valid expressions, and they
// are never changed.
type cache[T any] struct {
	mu sync.RWMutex
	by map[string]T
}

// get returns the parsed src. It calls read if src isn't in the cache.
func (c *cache[T]) get(src string, read func(src string) (T, error)) (T, error) {
	c.mu.RLock()
	known, ok := c.by[src]
	c.mu.RUnlock()
	if ok {
		return known, nil
	}
	src = strings.Clone(src) // src is part of a request, which the cache must not keep alive
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

// clone copies a tree, so that names and values can be put into the copy.
func (n *node) clone() *node {
	nodes := 0
	n.walk(func(*node) { nodes++ })
	c := copier{make([]node, nodes), make([]*node, nodes)}
	return c.copy(n)
}

// A copier has the memory for the nodes of a tree and their arguments.
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
