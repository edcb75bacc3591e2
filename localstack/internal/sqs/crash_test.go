package sqs_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A ledger is what was acknowledged to callers, for a test that cuts the power.
type ledger struct {
	mu      sync.Mutex
	sent    map[string]bool
	deleted map[string]bool
	held    map[string]string // body → handle
	begun   map[string]bool   // deletes that were asked for
}

func (l *ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func newLedger() *ledger {
	return &ledger{sent: map[string]bool{}, deleted: map[string]bool{}, held: map[string]string{}, begun: map[string]bool{}}
}

// load has senders and receivers work until each sender has sent its share: it
// gives at least one answer for each two of those. cut is called, with the
// ledger locked, after each answer.
func load(t *testing.T, s *stack, l *ledger, workers, each int, cut func(answers int)) {
	var senders, receivers sync.WaitGroup
	sent := make(chan struct{})
	answers := 0
	answered := func(f func()) {
		l.note(func() {
			f()
			answers++
			cut(answers)
		})
	}
	for w := range workers {
		senders.Go(func() {
			for i := range each / 2 {
				group := fmt.Sprintf("g%d", w)
				a, b := fmt.Sprintf("%d-%03d", w, 2*i), fmt.Sprintf("%d-%03d", w, 2*i+1)
				_, err := s.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: q, Entries: []sqs.SendMessageBatchRequestEntry{
					{Id: "a", MessageBody: a, MessageGroupId: &group, MessageDeduplicationId: &a},
					{Id: "b", MessageBody: b, MessageGroupId: &group, MessageDeduplicationId: &b},
				}})
				if err != nil {
					t.Error(err)
				}
				answered(func() { l.sent[a], l.sent[b] = true, true })
			}
		})
		receivers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-sent:
					return
				default:
				}
				for _, m := range s.take(t, q, 2) {
					answered(func() { l.held[m.Body] = m.ReceiptHandle })
					if i%2 == 0 {
						continue // hold it
					}
					l.note(func() { l.begun[m.Body] = true })
					if err := s.delete(q, m); err != nil {
						t.Error(err)
					}
					answered(func() { l.deleted[m.Body] = true })
				}
			}
		})
	}
	senders.Wait()
	close(sent)
	receivers.Wait()
}

// TestPowerCut cuts the power at several points of a concurrent load: what was
// acknowledged must hold after it, and only that needs to.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for _, at := range []int{1, 7, 20, 40, 60, 79} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s := openStack(t, fs, clock.NewManual(start))
			s.create(t, q)
			l := newLedger()
			var acked *ledger
			var crashed *vfs.MemFS
			load(t, s, l, 4, 40, func(answers int) {
				if answers == at {
					crashed = fs.CrashClone(vfs.CrashCloneCfg{})
					acked = l.copy()
				}
			})
			if crashed == nil {
				t.Fatalf("the load never gave %d answers", at)
			}
			for _, fault := range afterCut(t, crashed, acked) {
				t.Error(fault)
			}
		})
	}
}

func (l *ledger) copy() *ledger {
	c := newLedger()
	for k := range l.sent {
		c.sent[k] = true
	}
	for k := range l.deleted {
		c.deleted[k] = true
	}
	maps.Copy(c.held, l.held)
	for k := range l.begun {
		c.begun[k] = true
	}
	return c
}

// afterCut opens what a power cut has left, and lists what differs from
// what was acknowledged.
func afterCut(t *testing.T, fs *vfs.MemFS, acked *ledger) (faults []string) {
	s := openStack(t, fs, clock.NewManual(start))
	defer s.close()
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if _, err := s.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: q}); err != nil {
		return []string{fmt.Sprintf("the queue is gone: %v", err)}
	}
	checkInFlight(t, s, acked, fault)
	// A sent message is deduplicated still.
	for body := range acked.sent {
		s.send(t, q, "again", body)
	}
	s.clock.Advance(time.Minute)
	checkMessages(drain(t, s), acked, fault)
	return faults
}

// checkInFlight: what was received is in flight still: not received before its
// time, its handle good.
func checkInFlight(t *testing.T, s *stack, acked *ledger, fault func(string, ...any)) {
	for body, handle := range acked.held {
		if acked.begun[body] {
			continue
		}
		if err := s.hide(q, sqs.Message{ReceiptHandle: handle}, 40); err != nil {
			fault("handle of %s: %v", body, err)
		}
	}
	for _, m := range s.take(t, q, 10) {
		if acked.held[m.Body] != "" && !acked.begun[m.Body] {
			fault("%s was in flight and is received", m.Body)
		}
	}
}

// drain receives and deletes all.
func drain(t *testing.T, s *stack) (all []sqs.Message) {
	for {
		messages := s.receive(t, sqs.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: ptr[int32](10), AttributeNames: []string{"MessageGroupId"}})
		if len(messages) == 0 {
			return all
		}
		all = append(all, messages...)
		for _, m := range messages {
			must(t, s.delete(q, m))
		}
	}
}

// checkMessages: what was sent comes once, in its group's order, and with what
// was sent in the same batch; what was deleted doesn't.
func checkMessages(messages []sqs.Message, acked *ledger, fault func(string, ...any)) {
	seen, last := map[string]bool{}, map[string]string{}
	for _, m := range messages {
		group := m.Attributes["MessageGroupId"]
		if acked.deleted[m.Body] || group == "again" || m.Body <= last[group] {
			fault("%s came in %s after %s (deleted: %v)", m.Body, group, last[group], acked.deleted[m.Body])
		}
		seen[m.Body], last[group] = true, m.Body
	}
	for body := range acked.sent {
		if !seen[body] && !acked.begun[body] {
			fault("%s was acknowledged and is gone", body)
		}
	}
	for body := range seen {
		if twin := body[:4] + string(body[4]^1); !seen[twin] && !acked.begun[body] && !acked.begun[twin] && !acked.deleted[twin] {
			fault("%s is there without %s of its batch", body, twin)
		}
	}
}
