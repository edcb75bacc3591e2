package manifest

import (
	"sync"

	"github.com/restic/chunker"
)

// Chunks end where package chunker ends them: at the first byte after MinChunkBytes where the
// Rabin fingerprint of the last windowBytes bytes has averageBits zeros at its end. Since the
// fingerprint depends on those bytes alone, it can be computed at several places at a time, which
// takes a third of the time: each step of one waits for the step before.
const (
	windowBytes = 64
	digestShift = 53 - 8 // the polynomial has degree 53
	cutMask     = 1<<averageBits - 1
)

// rabin has the tables of the fingerprint.
type rabin struct {
	mod [256]uint64 // to reduce a digest by its first byte
	out [256]uint64 // to take the byte before the window out of it
}

var rabinTables = sync.OnceValue(func() *rabin {
	t := &rabin{}
	for b := range uint64(256) {
		t.mod[b] = uint64(chunker.Pol(b<<(digestShift+8)).Mod(polynomial)) | b<<(digestShift+8)
	}
	for b := range uint64(256) {
		d := b
		for range windowBytes {
			d = t.add(d, 0)
		}
		t.out[b] = d
	}
	return t
})

// add adds a byte to a digest.
func (t *rabin) add(d uint64, b byte) uint64 { return d<<8 ^ uint64(b) ^ t.mod[d>>digestShift&0xff] }

// digest is that of the window before b[end].
func (t *rabin) digest(b []byte, end int) (d uint64) {
	for _, c := range b[end-windowBytes : end] {
		d = t.add(d, c)
	}
	return d
}

// findCut returns the first n, from <= n <= to, at which a chunk that begins with b[0] may end;
// 0 if there is none. from is at least windowBytes.
func (t *rabin) findCut(b []byte, from, to int) int {
	d := t.digest(b, from)
	if d&cutMask == 0 {
		return from
	}
	step := (to - from) / lanes
	if n := t.findInLanes(b, from, step); n > 0 {
		return n
	}
	return t.findInLane(b, from+lanes*step, to)
}

func (t *rabin) findInLane(b []byte, from, to int) int {
	d := t.digest(b, from)
	for n := from; n < to; n++ {
		d = t.add(d, b[n]) ^ t.out[b[n-windowBytes]]
		if d&cutMask == 0 {
			return n + 1
		}
	}
	return 0
}

const lanes = 4

// findInLanes is findInLane of lanes*step bytes.
func (t *rabin) findInLanes(b []byte, from, step int) int {
	var in, old [lanes][]byte
	var d [lanes]uint64
	for i := range lanes {
		at := from + i*step
		in[i], old[i], d[i] = b[at:at+step], b[at-windowBytes:][:step], t.digest(b, at)
	}
	d0, d1, d2, d3 := d[0], d[1], d[2], d[3]
	in0, in1, in2, in3 := in[0], in[1][:len(in[0])], in[2][:len(in[0])], in[3][:len(in[0])]
	old0, old1, old2, old3 := old[0][:len(in0)], old[1][:len(in0)], old[2][:len(in0)], old[3][:len(in0)]
	found := [lanes]int{}
	for i := range in0 {
		d0 = d0<<8 ^ uint64(in0[i]) ^ t.out[old0[i]] ^ t.mod[d0>>digestShift&0xff]
		d1 = d1<<8 ^ uint64(in1[i]) ^ t.out[old1[i]] ^ t.mod[d1>>digestShift&0xff]
		d2 = d2<<8 ^ uint64(in2[i]) ^ t.out[old2[i]] ^ t.mod[d2>>digestShift&0xff]
		d3 = d3<<8 ^ uint64(in3[i]) ^ t.out[old3[i]] ^ t.mod[d3>>digestShift&0xff]
		if d0&cutMask == 0 {
			return from + i + 1
		}
		if d1&cutMask == 0 && found[1] == 0 {
			found[1] = from + step + i + 1
		}
		if d2&cutMask == 0 && found[2] == 0 {
			found[2] = from + 2*step + i + 1
		}
		if d3&cutMask == 0 && found[3] == 0 {
			found[3] = from + 3*step + i + 1
		}
	}
	for _, n := range found {
		if n > 0 {
			return n
		}
	}
	return 0
}
