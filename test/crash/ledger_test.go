package crash

import (
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A ledger is what callers asked for, and what was answered.
type ledger struct {
	mu       sync.Mutex
	messages map[string]*message // by body
	groups   map[string]int      // the number of the group's next message
	unsent   []string            // bodies whose send was cut off
	polls    []*poll             // receives that can be asked again: the latest of each consumer, and those cut off
	answers  int
}

// A message as callers know it.
type message struct {
	body, group string
	id          string // "" until a send was answered
	handle      string // of the latest receive that was answered
	count       string // ApproximateReceiveCount then
	shown       bool   // its visibility was, or may have been, set to 0 since
	deleting    bool   // a delete was asked for
	deleted     bool   // and answered
}

// A poll is a receive with its attempt ID.
type poll struct {
	attempt string
	got     []types.Message // nil: it was cut off
}

func newLedger() *ledger {
	return &ledger{messages: map[string]*message{}, groups: map[string]int{}}
}

// note changes the ledger.
func (l *ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// answered is note for an answer. It returns how many there have been.
func (l *ledger) answered(f func()) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	l.answers++
	return l.answers
}

// received notes an answer's messages.
func (l *ledger) received(got []types.Message) {
	for _, m := range got {
		if known := l.messages[*m.Body]; known != nil {
			known.handle, known.count, known.shown = *m.ReceiptHandle, m.Attributes["ApproximateReceiveCount"], false
		}
	}
}

// forget empties the ledger after a check: the queue is empty then, too.
func (l *ledger) forget() {
	l.messages, l.unsent, l.polls, l.answers = map[string]*message{}, nil, nil, 0
}
