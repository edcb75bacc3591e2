package sqs

// maxLooked is how many messages AWS looks at, from a FIFO queue's oldest on,
// to find groups that are available. Behind that many of a group that isn't, no
// other group's message is received ("Avoid large message backlogs with the
// same message group ID", SQS Developer Guide).
const maxLookAhead = 120_000

// A front is the messages of a FIFO queue that are looked at: its oldest,
// whether in flight, delayed or neither. AWS doesn't say which of them count.
//
// Those beyond it are listed, so that it moves on at the cost of one message
// for each that goes; up to its size, a queue has no list.
type lookAhead struct {
	size          int
	count         int
	beyond        seqList
	removedBeyond map[uint64]bool // of those beyond: no longer in the queue
}

func (f *lookAhead) contains(seq uint64) bool { return f.beyond.len() == 0 || seq < f.beyond.at(0) }

// add takes the queue's latest message.
func (f *lookAhead) add(seq uint64) {
	if f.count < f.size && f.beyond.len() == 0 {
		f.count++
		return
	}
	f.beyond.push(seq)
}

// remove takes out a message, and others in.
func (f *lookAhead) remove(seq uint64) {
	if !f.contains(seq) { // received with its group's head, or too old
		if f.removedBeyond == nil {
			f.removedBeyond = map[uint64]bool{}
		}
		f.removedBeyond[seq] = true
		return
	}
	f.count--
	for f.count < f.size && f.beyond.len() > 0 {
		next := f.beyond.pop()
		if f.removedBeyond[next] {
			delete(f.removedBeyond, next)
			continue
		}
		f.count++
	}
}
