package sqs_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/clock"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A ledger is what callers were told, for a test that cuts the power.
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

// load has senders and receivers work until each sender has sent its share: it
// gives at least 80 answers.
func load(t *testing.T, s *stack, l *ledger, cut func(answers int)) {
	const workers, each = 4, 40
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
				_, err := s.SendMessageBatch(ctx, scope, sqs.SendMessageBatchInput{QueueUrl: q, Entries: []sqs.SendMessageBatchRequestEntry{
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
	for _, at := range []int{1, 7, 20, 40, 60, 79} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s := openStack(t, fs, clock.NewManual(start))
			s.create(t, q)
			l := &ledger{sent: map[string]bool{}, deleted: map[string]bool{}, held: map[string]string{}, begun: map[string]bool{}}
			var told *ledger
			var crashed *vfs.MemFS
			load(t, s, l, func(answers int) {
				if answers == at {
					crashed = fs.CrashClone(vfs.CrashCloneCfg{})
					told = l.copy()
				}
			})
			if crashed == nil {
				t.Fatalf("the load never gave %d answers", at)
			}
			checkAfterCut(t, openStack(t, crashed, clock.NewManual(start)), told)
		})
	}
}

func (l *ledger) copy() *ledger {
	c := &ledger{sent: map[string]bool{}, deleted: map[string]bool{}, held: map[string]string{}, begun: map[string]bool{}}
	for k := range l.sent {
		c.sent[k] = true
	}
	for k := range l.deleted {
		c.deleted[k] = true
	}
	for k, v := range l.held {
		c.held[k] = v
	}
	for k := range l.begun {
		c.begun[k] = true
	}
	return c
}

func checkAfterCut(t *testing.T, s *stack, told *ledger) {
	// In flight still: not received before its time, its handle good.
	for body, handle := range told.held {
		if told.begun[body] {
			continue
		}
		if err := s.hide(q, sqs.Message{ReceiptHandle: handle}, 40); err != nil {
			t.Errorf("handle of %s: %v", body, err)
		}
	}
	for _, m := range s.take(t, q, 10) {
		if told.held[m.Body] != "" && !told.begun[m.Body] {
			t.Errorf("%s was in flight and is received", m.Body)
		}
	}
	// A sent message is deduplicated still, and comes, in its group's order.
	for body := range told.sent {
		s.send(t, q, "again", body)
	}
	s.clock.Advance(time.Minute)
	seen, last := map[string]bool{}, map[string]string{}
	for {
		messages := s.receive(t, sqs.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: ptr[int32](10), AttributeNames: []string{"MessageGroupId"}})
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			group := m.Attributes["MessageGroupId"]
			if told.deleted[m.Body] || group == "again" || m.Body <= last[group] {
				t.Errorf("%s came in %s after %s (deleted: %v)", m.Body, group, last[group], told.deleted[m.Body])
			}
			seen[m.Body], last[group] = true, m.Body
			must(t, s.delete(q, m))
		}
	}
	for body := range told.sent {
		if !seen[body] && !told.begun[body] {
			t.Errorf("%s was acknowledged and is gone", body)
		}
	}
	for body := range seen {
		if twin := body[:4] + string(body[4]^1); !seen[twin] && !told.begun[body] && !told.begun[twin] && !told.deleted[twin] {
			t.Errorf("%s is there without %s of its batch", body, twin)
		}
	}
}
