package sqs

import "slices"

// A seqList is a list of ascending sequence numbers. Adding at the end and
// removing near the front, where messages are deleted, is cheap.
type seqList struct {
	buf  []uint64
	head int
}

func (s *seqList) len() int        { return len(s.buf) - s.head }
func (s *seqList) at(i int) uint64 { return s.buf[s.head+i] }
func (s *seqList) push(seq uint64) { s.buf = append(s.buf, seq) }

func (s *seqList) pop() uint64 {
	seq := s.buf[s.head]
	s.head++
	s.shrink()
	return seq
}

// find returns the index of seq, or where it would be inserted.
func (s *seqList) find(seq uint64) (i int, ok bool) {
	return slices.BinarySearch(s.buf[s.head:], seq)
}

// remove moves the numbers before seq, of which there are usually few.
func (s *seqList) remove(seq uint64) {
	i, ok := s.find(seq)
	if !ok {
		return
	}
	copy(s.buf[s.head+1:s.head+i+1], s.buf[s.head:s.head+i])
	s.head++
	s.shrink()
}

// shrink frees the space of removed numbers once it is half of all, so that each
// number is moved once at most.
func (s *seqList) shrink() {
	if s.head < 16 || s.head < len(s.buf)/2 {
		if s.head == len(s.buf) {
			s.buf, s.head = s.buf[:0], 0
		}
		return
	}
	s.buf = append(make([]uint64, 0, s.len()+8), s.buf[s.head:]...)
	s.head = 0
}
