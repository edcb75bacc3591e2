// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html

package sqs

// maxLookAhead is how many of a FIFO queue's oldest messages AWS scans for
// available groups. Groups whose messages are all behind that many messages of
// a blocked group aren't found.
const maxLookAhead = 120_000

// A lookAhead tells which messages of a FIFO queue are scanned: the oldest, be
// they in flight, delayed or available. AWS doesn't say which of them count.
//
// It lists the messages beyond, so that each message that goes costs the same.
// A queue that isn't larger than size has no list.
type lookAhead struct {
	size          int
	count         int
	beyond        seqList
	removedBeyond map[uint64]bool // of beyond, no longer in the queue
}

func (l *lookAhead) contains(seq uint64) bool { return l.beyond.len() == 0 || seq < l.beyond.at(0) }

// add adds the latest message of the queue.
func (l *lookAhead) add(seq uint64) {
	if l.count < l.size && l.beyond.len() == 0 {
		l.count++
		return
	}
	l.beyond.push(seq)
}

func (l *lookAhead) remove(seq uint64) {
	if !l.contains(seq) { // received with the first of its group, or expired
		if l.removedBeyond == nil {
			l.removedBeyond = map[uint64]bool{}
		}
		l.removedBeyond[seq] = true
		return
	}
	l.count--
	for l.count < l.size && l.beyond.len() > 0 {
		next := l.beyond.pop()
		if l.removedBeyond[next] {
			delete(l.removedBeyond, next)
			continue
		}
		l.count++
	}
}
