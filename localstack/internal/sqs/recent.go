package sqs

import "encoding/binary"

// recent knows which deduplication IDs may have been used in the window, so
// that a send whose ID is new, which nearly all are, needn't look into the
// store. It is a chain of Bloom filters, each twice as large as the one before
// up to a limit; one is dropped once all that it holds has expired. A
// queue that falls idle keeps its last until the next send; a busy one has about 10 bits for each send of the window.
type recent struct {
	filters []*filter
	// unsure is until when it doesn't know all: after a start, the store may
	// hold records of the run before.
	unsure int64
}

type filter struct {
	bits []uint64
	room int   // how many more it takes
	till int64 // when the last of it expires, ms
}

const (
	minFilter     = 1 << 12 // entries
	maxFilter     = 1 << 20
	bitsPerEntry  = 10
	probesOfEntry = 7 // of each 10 bits: 1 of 100 strangers is taken for one of its own
)

func newFilter(entries int) *filter {
	return &filter{bits: make([]uint64, entries*bitsPerEntry/64), room: entries}
}

// probes calls f with the bits of h until it returns false.
func (b *filter) probes(h hash, f func(word, bit uint64) bool) bool {
	at, step := binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:])|1
	for range probesOfEntry {
		n := at % uint64(len(b.bits)*64)
		if !f(n/64, 1<<(n%64)) {
			return false
		}
		at += step
	}
	return true
}

// add notes a record that expires then.
func (r *recent) add(h hash, expires int64) {
	n := len(r.filters)
	if n == 0 || r.filters[n-1].room == 0 {
		size := minFilter
		if n > 0 {
			size = min(2*len(r.filters[n-1].bits)*64/bitsPerEntry, maxFilter)
		}
		r.filters = append(r.filters, newFilter(size))
		n++
	}
	last := r.filters[n-1]
	last.room--
	last.till = max(last.till, expires)
	last.probes(h, func(word, bit uint64) bool {
		last.bits[word] |= bit
		return true
	})
}

// mayHold reports whether there may be a record; false is certain.
func (r *recent) mayHold(h hash, now int64) bool {
	for len(r.filters) > 0 && r.filters[0].till <= now {
		r.filters[0] = nil
		r.filters = r.filters[1:]
	}
	if now < r.unsure {
		return true
	}
	for _, b := range r.filters {
		if b.probes(h, func(word, bit uint64) bool { return b.bits[word]&bit != 0 }) {
			return true
		}
	}
	return false
}
