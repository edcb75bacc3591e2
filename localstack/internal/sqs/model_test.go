package sqs_test

import (
	"slices"
	"time"
)

// A modelQueue is the simplest model of a queue: a list of messages in the order of
// their arrival, and the sends and attempts of the last 5 minutes. Times are since
// the start of the test. It has no indexes, and looks at all messages each time.
type modelQueue struct {
	name       string
	fifo       bool
	oldest     bool // groups by the age of their heads; else in any order
	lookAt     int  // how many messages are looked at for groups
	visibility time.Duration
	retention  time.Duration
	delay      time.Duration
	content    bool // ContentBasedDeduplication
	perGroup   bool // DeduplicationScope
	maxReceive int  // 0: no dead-letter queue
	dead       *modelQueue

	now      time.Duration
	purged   time.Duration // when it last was, -1 before
	messages []*modelMessage
	window   map[string]modelSend
	attempts map[string]*modelAttempt
}

type modelMessage struct {
	id, body, group string
	was             string // the ID before it was moved, and got one that isn't known yet
	dedup           string
	came            time.Duration // into this queue
	sent            time.Duration
	until           time.Duration // in flight or, in a standard queue, delayed
	inFlight        bool
	received        time.Duration
	first           time.Duration
	count           int
	changed         bool
	source          string // the queue it is dead from
}

type modelSend struct {
	id, sequence string
	at           time.Duration
}

type modelAttempt struct {
	at       time.Duration
	messages []*modelMessage
	counts   []int
}

const modelWindow = 5 * time.Minute

// expire applies what time alone changes: messages become visible again, and those
// that are visible and too old are deleted. A FIFO queue deletes one only when it is
// the oldest of its group.
func (m *modelQueue) expire(now time.Duration) {
	m.now = now
	for _, x := range m.messages {
		if x.inFlight && x.until <= now {
			x.inFlight = false
		}
	}
	blocked := map[string]bool{}
	m.messages = slices.DeleteFunc(m.messages, func(x *modelMessage) bool {
		old := x.came+m.retention <= now && !x.inFlight && (m.fifo || x.until <= now)
		if m.fifo && (blocked[x.group] || !old) {
			blocked[x.group] = true
			return false
		}
		return old
	})
}

func (m *modelQueue) holds(x *modelMessage) bool { return slices.Contains(m.messages, x) }

func (m *modelQueue) remove(x *modelMessage) {
	m.messages = slices.DeleteFunc(m.messages, func(y *modelMessage) bool { return x == y })
}

// up reports whether x's delay is over. A FIFO queue's current delay applies to all
// messages.
func (m *modelQueue) up(x *modelMessage) bool {
	if m.fifo {
		return x.came+m.delay <= m.now
	}
	return x.inFlight || x.until <= m.now
}

// runs are the messages that may be received, as lists that are taken from
// their front: in a FIFO queue each group's up to the first that is in flight
// or not up, by the age of the heads, of which those count that are looked at;
// in a standard queue each message.
func (m *modelQueue) runs() (runs [][]*modelMessage) {
	at := map[string]int{} // of a group's run; -1 when it has ended
	for place, x := range m.messages {
		free := !x.inFlight && m.up(x)
		if !m.fifo {
			if free {
				runs = append(runs, []*modelMessage{x})
			}
			continue
		}
		i, begun := at[x.group]
		switch {
		case !free || !begun && place >= m.lookAt:
			at[x.group] = -1
		case !begun:
			at[x.group] = len(runs)
			runs = append(runs, []*modelMessage{x})
		case i >= 0:
			runs[i] = append(runs[i], x)
		}
	}
	return runs
}

// take returns up to limit messages, and moves those over the receive limit to the
// dead-letter queue. It uses the first run each time, because removed messages bring
// others into the look-ahead.
func (m *modelQueue) take(runs func() [][]*modelMessage, limit int, hide time.Duration) (got []*modelMessage) {
	for next := runs(); len(next) > 0; next = runs() {
		for _, x := range next[0] {
			switch {
			case len(got) == limit:
				return got
			case x.sent+m.retention <= m.now:
				m.remove(x)
			case m.maxReceive > 0 && x.count >= m.maxReceive:
				m.bury(x)
			default:
				m.hide(x, hide)
				got = append(got, x)
			}
		}
	}
	return got
}

func (m *modelQueue) hide(x *modelMessage, hide time.Duration) {
	x.count++
	x.received, x.changed = m.now, false
	if x.count == 1 {
		x.first = m.now
	}
	x.inFlight, x.until = true, m.now+hide
}

// bury moves a message to the dead-letter queue. In a FIFO queue its age starts
// again.
func (m *modelQueue) bury(x *modelMessage) {
	m.remove(x)
	m.dead.expire(m.now)
	y := *x
	y.came, y.until, y.inFlight, y.changed, y.source = m.now, 0, false, false, m.name
	if m.fifo {
		y.sent = m.now
	}
	m.dead.messages = append(m.dead.messages, &y)
}

// moveTo moves what can be received to another queue, as new messages; with
// origins, only up to the first that no redrive brought here.
func (m *modelQueue) moveTo(to *modelQueue, origins bool) (moved int, status string) {
	for runs := m.runs(); len(runs) > 0; runs = m.runs() {
		before := moved
		for _, x := range runs[0] {
			old := x.sent+m.retention <= m.now
			if !old && origins && x.source == "" {
				if moved == before {
					return moved, "FAILED"
				}
				break // and look what is first now
			}
			m.remove(x)
			if !old {
				to.messages = append(to.messages, &modelMessage{was: x.id, body: x.body, group: x.group, came: m.now, sent: m.now})
				moved++
			}
		}
	}
	return moved, "COMPLETED"
}

// never is later than anything in a test.
const never = time.Duration(1 << 62)

// next is when, after now, a message comes up or back by itself.
func (m *modelQueue) next(now time.Duration) time.Duration {
	at := never
	for _, x := range m.messages {
		up := x.until
		if m.fifo && !x.inFlight {
			up = x.came + m.delay
		}
		if up > now {
			at = min(at, up)
		}
	}
	return at
}

// duplicate returns the earlier send with the same deduplication ID.
func (m *modelQueue) duplicate(group, id string) (modelSend, bool) {
	first, ok := m.window[m.windowKey(group, id)]
	return first, ok && m.now < first.at+modelWindow
}

func (m *modelQueue) windowKey(group, id string) string {
	if m.perGroup {
		return group + " " + id
	}
	return id
}

func (m *modelQueue) send(x *modelMessage, sequence string) {
	x.came, x.sent = m.now, m.now
	m.messages = append(m.messages, x)
	if m.fifo {
		m.window[m.windowKey(x.group, x.dedup)] = modelSend{x.id, sequence, m.now}
	}
}

// again returns the result of an earlier attempt, if it can be repeated.
func (m *modelQueue) again(attempt string) []*modelMessage {
	a := m.attempts[attempt]
	if attempt == "" || a == nil || a.at+modelWindow <= m.now {
		return nil
	}
	for i, x := range a.messages {
		if !m.holds(x) || x.changed || x.count != a.counts[i] || x.sent+m.retention <= m.now {
			return nil
		}
	}
	return a.messages
}

func (m *modelQueue) remember(attempt string, got []*modelMessage) {
	if attempt == "" || len(got) == 0 {
		return
	}
	a := &modelAttempt{at: m.now, messages: got}
	for _, x := range got {
		a.counts = append(a.counts, x.count)
	}
	m.attempts[attempt] = a
}

func (m *modelQueue) purge() {
	m.messages, m.purged = nil, m.now
	m.window, m.attempts = map[string]modelSend{}, map[string]*modelAttempt{}
}

// counts are the approximate numbers: visible, in flight, delayed.
func (m *modelQueue) counts() (visible, inFlight, delayed int) {
	for _, x := range m.messages {
		switch {
		case x.inFlight:
			inFlight++
		case m.up(x):
			visible++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

// A held is a handle, and the receive and the message that it belongs to.
type held struct {
	queue  *modelQueue
	handle string
	of     *modelMessage
	count  int
}

func (h held) exists() bool { return h.queue.holds(h.of) }

// good is whether the handle can delete or hide the message: in a standard
// queue any can, in a FIFO queue that of the receive that has it in flight.
func (h held) good() bool {
	return h.exists() && (!h.queue.fifo || h.of.inFlight && h.of.count == h.count)
}
