package sqs

import "container/heap"

// groupHeap orders some of a lane's groups. Each knows its place in it.
type groupHeap struct {
	groups []*group
	less   func(a, b *group) bool
	index  func(g *group) *int // where g notes its place; -1 outside
}

func (h *groupHeap) first() *group { return h.groups[0] }

// has puts g in, or where it belongs after it changed, or takes it out.
func (h *groupHeap) put(g *group, in bool) {
	i := *h.index(g)
	switch {
	case in && i < 0:
		heap.Push(h, g)
	case in:
		heap.Fix(h, i)
	case i >= 0:
		heap.Remove(h, i)
	}
}

func (h *groupHeap) Len() int           { return len(h.groups) }
func (h *groupHeap) Less(i, j int) bool { return h.less(h.groups[i], h.groups[j]) }
func (h *groupHeap) Swap(i, j int) {
	h.groups[i], h.groups[j] = h.groups[j], h.groups[i]
	*h.index(h.groups[i]), *h.index(h.groups[j]) = i, j
}

func (h *groupHeap) Push(x any) {
	g := x.(*group)
	*h.index(g) = len(h.groups)
	h.groups = append(h.groups, g)
}

func (h *groupHeap) Pop() any {
	last := len(h.groups) - 1
	g := h.groups[last]
	h.groups[last] = nil
	h.groups = h.groups[:last]
	*h.index(g) = -1
	return g
}
