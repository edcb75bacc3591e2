package sqs_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// fifoModel is what a FIFO queue is, in the plainest terms: a list of messages
// in the order of sending, and the sends of the last 5 minutes.
type fifoModel struct {
	now      time.Duration
	messages []*modelMessage
	window   map[string]modelSend
	attempts map[string]*modelAttempt
}

type modelMessage struct {
	body, group string
	sent        time.Duration
	hidden      time.Duration // until
	received    time.Duration
	count       int
	changed     bool
}

type modelSend struct {
	id string
	at time.Duration
}

type modelAttempt struct {
	at       time.Duration
	messages []*modelMessage
	counts   []int
}

const (
	modelRetention  = 10 * time.Minute
	modelVisibility = 30 * time.Second
	modelWindow     = 5 * time.Minute
)

// expire drops messages that nothing hides any more and that are too old. One
// that is in flight stays until it comes back.
func (m *fifoModel) expire() {
	for {
		dropped := false
		blocked := map[string]bool{}
		for i, x := range m.messages {
			if !blocked[x.group] && x.hidden <= m.now && x.sent+modelRetention <= m.now {
				m.messages = append(m.messages[:i:i], m.messages[i+1:]...)
				dropped = true
				break
			}
			blocked[x.group] = true
		}
		if !dropped {
			return
		}
	}
}

func (m *fifoModel) holds(x *modelMessage) bool {
	for _, y := range m.messages {
		if x == y {
			return true
		}
	}
	return false
}

// receive picks the oldest message whose group is free, then goes on in it.
func (m *fifoModel) receive(limit int) (got []*modelMessage) {
	done := map[string]bool{}
	for len(got) < limit {
		group := ""
		for _, x := range m.messages {
			if !done[x.group] {
				if x.hidden <= m.now {
					group = x.group
					break
				}
				done[x.group] = true
			}
		}
		if group == "" {
			return got
		}
		done[group] = true
		for _, x := range m.messages {
			if x.group != group {
				continue
			}
			if x.hidden > m.now || len(got) == limit {
				break
			}
			got = append(got, x)
		}
	}
	return got
}

func (a *modelAttempt) holds(m *fifoModel) bool {
	if a == nil || a.at+modelWindow <= m.now {
		return false
	}
	for i, x := range a.messages {
		if !m.holds(x) || x.changed || x.count != a.counts[i] || x.sent+modelRetention <= m.now {
			return false
		}
	}
	return true
}

// A held is a handle the test has, and which receive of which message it is of.
type held struct {
	handle string
	of     *modelMessage
	count  int
}

func (h held) live(m *fifoModel) bool {
	return m.holds(h.of) && h.of.hidden > m.now && h.of.count == h.count
}

// TestFIFOModel runs random operations, clock moves and restarts against both
// the engine and the model.
func TestFIFOModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newStack(t, oldestFirst)
		defer s.close()
		s.create(t, q, "MessageRetentionPeriod=600")
		m := &fifoModel{window: map[string]modelSend{}, attempts: map[string]*modelAttempt{}}
		var handles []held
		sends := 0
		pick := func() (held, bool) {
			if len(handles) == 0 {
				return held{}, false
			}
			return handles[len(handles)-1-rapid.IntRange(0, min(len(handles)-1, 8)).Draw(r, "handle")], true
		}
		r.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { m.expire() },
			"send": func(r *rapid.T) {
				group := fmt.Sprintf("g%d", rapid.IntRange(1, 4).Draw(r, "group"))
				id := fmt.Sprintf("d%d", rapid.IntRange(max(0, sends-3), sends+1).Draw(r, "dedup"))
				sends++
				body := fmt.Sprintf("%d", sends)
				out, err := s.SendMessage(ctx, scope, sqs.SendMessageInput{QueueUrl: q, MessageBody: body, MessageGroupId: &group, MessageDeduplicationId: &id})
				must(t, err)
				if first, ok := m.window[id]; ok && m.now < first.at+modelWindow {
					if out.MessageId != first.id {
						r.Fatalf("duplicate %s got another ID", id)
					}
					return
				}
				m.window[id] = modelSend{out.MessageId, m.now}
				m.messages = append(m.messages, &modelMessage{body: body, group: group, sent: m.now})
			},
			"receive": func(r *rapid.T) {
				limit := rapid.IntRange(1, 5).Draw(r, "limit")
				attempt := rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(r, "attempt")
				hide := time.Duration(rapid.SampledFrom([]int32{0, 5, 30, 60}).Draw(r, "hide")) * time.Second
				got := s.receive(t, sqs.ReceiveMessageInput{
					QueueUrl: q, MaxNumberOfMessages: ptr(int32(limit)), ReceiveRequestAttemptId: attempt,
					VisibilityTimeout: ptr(int32(hide / time.Second)), AttributeNames: []string{"All"},
				})
				wanted, again := []*modelMessage(nil), attempt != "" && m.attempts[attempt].holds(m)
				if again {
					wanted = m.attempts[attempt].messages
				} else {
					wanted = m.receive(limit)
				}
				if len(got) != len(wanted) {
					r.Fatalf("received %q, want %d messages", bodies(got), len(wanted))
				}
				kept := &modelAttempt{at: m.now}
				for i, x := range wanted {
					if !again {
						x.count++
						x.received, x.changed = m.now, false
					}
					x.hidden = m.now + hide
					if got[i].Body != x.body || got[i].Attributes["ApproximateReceiveCount"] != fmt.Sprint(x.count) {
						r.Fatalf("received %s (%s times) at %d, want %s (%d)", got[i].Body, got[i].Attributes["ApproximateReceiveCount"], i, x.body, x.count)
					}
					kept.messages = append(kept.messages, x)
					kept.counts = append(kept.counts, x.count)
					handles = append(handles, held{got[i].ReceiptHandle, x, x.count})
				}
				if attempt != "" && !again && len(wanted) > 0 {
					m.attempts[attempt] = kept
				}
			},
			"delete": func(r *rapid.T) {
				h, ok := pick()
				if !ok {
					return
				}
				exists, live := m.holds(h.of), h.live(m)
				err := s.delete(q, sqs.Message{ReceiptHandle: h.handle})
				if (err == nil) != (live || !exists) {
					r.Fatalf("delete of %s: %v, but live=%v exists=%v", h.of.body, err, live, exists)
				}
				if live {
					h.of.hidden = 0
					for i, x := range m.messages {
						if x == h.of {
							m.messages = append(m.messages[:i:i], m.messages[i+1:]...)
							break
						}
					}
				}
			},
			"hide": func(r *rapid.T) {
				h, ok := pick()
				if !ok {
					return
				}
				seconds := rapid.SampledFrom([]int32{0, 0, 3, 45, 43_200}).Draw(r, "seconds")
				until := m.now + time.Duration(seconds)*time.Second
				allowed := h.live(m) && until <= h.of.received+12*time.Hour
				err := s.hide(q, sqs.Message{ReceiptHandle: h.handle}, seconds)
				if (err == nil) != allowed {
					r.Fatalf("hiding %s for %d s: %v, want allowed=%v", h.of.body, seconds, err, allowed)
				}
				if allowed {
					h.of.hidden, h.of.changed = until, true
				}
			},
			"wait": func(r *rapid.T) {
				d := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute}).Draw(r, "wait")
				s.clock.Advance(d)
				m.now += d
			},
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 3).Draw(r, "restart") == 0 {
					s.restart(t)
				}
			},
		})
	})
}
