package sqs

// An indexedHeap is for container/heap. It keeps the index of each item up to
// date, so that any item can be moved or removed.
type indexedHeap[T any] struct {
	items    []T
	less     func(a, b T) bool
	setIndex func(item T, index int) // -1: no longer in the heap
}

func (h *indexedHeap[T]) first() T { return h.items[0] }

func (h *indexedHeap[T]) Len() int           { return len(h.items) }
func (h *indexedHeap[T]) Less(i, j int) bool { return h.less(h.items[i], h.items[j]) }

func (h *indexedHeap[T]) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.setIndex(h.items[i], i)
	h.setIndex(h.items[j], j)
}

func (h *indexedHeap[T]) Push(x any) {
	h.setIndex(x.(T), len(h.items))
	h.items = append(h.items, x.(T))
}

func (h *indexedHeap[T]) Pop() any {
	last := len(h.items) - 1
	item := h.items[last]
	var zero T
	h.items[last] = zero // for the garbage collector
	h.items = h.items[:last]
	h.setIndex(item, -1)
	return item
}
