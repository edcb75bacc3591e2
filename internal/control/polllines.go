package control

import (
	"container/list"
	"sync"
)

// maxPolls is how many polls of this process wait at a queue at a time. Each is a call of
// SQS, which takes ten times the memory of a poll that waits in line.
const maxPolls = 8

// pollLines let the polls of this process wait at the queues in turn: few at the queue
// itself, the others in line behind them. The zero value is ready to use.
type pollLines struct {
	mu     sync.Mutex
	queues map[string]*pollLine
}

type pollLine struct {
	polls int       // that have their turn
	line  list.List // of channels, oldest first
}

// join puts a poll at the end of the line. turn is closed when it is its turn to wait at
// the queue. The caller must call leave.
func (l *pollLines) join(queue string) (turn <-chan struct{}, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.queues[queue]
	if p == nil {
		if l.queues == nil {
			l.queues = map[string]*pollLine{}
		}
		p = &pollLine{}
		l.queues[queue] = p
	}
	place := p.line.PushBack(make(chan struct{}))
	turn = place.Value.(chan struct{})
	p.next()
	return turn, func() { l.leave(queue, p, place) }
}

func (l *pollLines) leave(queue string, p *pollLine, place *list.Element) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hasTurn(place.Value.(chan struct{})) {
		p.polls--
	} else {
		p.line.Remove(place)
	}
	p.next()
	if p.polls == 0 {
		delete(l.queues, queue)
	}
}

// next gives the first in line its turn, if there is room for it.
func (p *pollLine) next() {
	if first := p.line.Front(); first != nil && p.polls < maxPolls {
		p.polls++
		close(p.line.Remove(first).(chan struct{}))
	}
}

func hasTurn(turn <-chan struct{}) bool {
	select {
	case <-turn:
		return true
	default:
		return false
	}
}
