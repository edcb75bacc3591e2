package sqs

import "slices"

// seqs is an ascending queue of sequence numbers: cheap at both ends, and near
// the front, where messages are deleted.
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

// find is the index of seq, or of where it would stand.
func (s *seqList) find(seq uint64) (i int, ok bool) {
	return slices.BinarySearch(s.buf[s.head:], seq)
}

// remove takes seq out by moving what stands before it up by one.
func (s *seqList) remove(seq uint64) {
	i, ok := s.find(seq)
	if !ok {
		return
	}
	copy(s.buf[s.head+1:s.head+i+1], s.buf[s.head:s.head+i])
	s.head++
	s.shrink()
}

// trim gives the room of removed numbers back once it is half of all, which
// costs each number one move in its life.
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
