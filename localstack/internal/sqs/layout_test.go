package sqs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// keysOf counts the store's keys by their kind.
func (s *stack) keysOf(t *testing.T) map[byte]int {
	t.Helper()
	n := map[byte]int{}
	must(t, s.store.Space(sqs.Space).Scan(nil, nil, func(key, _ []byte) (bool, error) {
		n[key[0]]++
		return true, nil
	}))
	return n
}

// TestBodiesSmallAndLarge: a body that lies with its message's state, and one
// that doesn't, stay what they are on every way that a message can take, and
// leave nothing behind at its end.
func TestBodiesSmallAndLarge(t *testing.T) {
	t.Parallel()
	for _, queue := range []string{"q", "q.fifo"} {
		for _, size := range []int{1, 900, 1024, 5000} {
			s := newStack(t)
			dead := "dead" + strings.TrimPrefix(queue, "q")
			s.create(t, dead)
			s.create(t, queue, `RedrivePolicy={"deadLetterTargetArn":"`+account+dead+`","maxReceiveCount":2}`)
			body := strings.Repeat("b", size)
			id := ptr("d")
			if queue == "q" {
				id = nil
			}
			_, err := s.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: body, MessageGroupId: ptr("g"), MessageDeduplicationId: id})
			must(t, err)
			if got, apart := s.keysOf(t)['B'], size >= 1024; (got == 1) != apart || got > 1 {
				t.Errorf("%s: %d bytes: %d records of bodies", queue, size, got)
			}
			s.restart(t)
			for range 2 { // given back by changing its visibility, and by its end
				got := s.take(t, queue, 1)
				want(t, "body", bodies(got), body)
				must(t, s.hide(queue, got[0], 5))
				s.clock.Advance(6 * time.Second)
			}
			want(t, "received once more", bodies(s.take(t, queue, 1)), "")
			s.restart(t)
			got := s.take(t, dead, 1)
			want(t, "dead letter", bodies(got), body)
			must(t, s.delete(dead, got[0]))
			if n := s.keysOf(t); n['S']+n['B'] != 0 {
				t.Errorf("%s: %d bytes: deleted, and the store has %v", queue, size, n)
			}
		}
	}
}

// TestOlderLayout: a message that was stored before small bodies were stored with
// the states is refused with a clear error.
func TestOlderLayout(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "old")
	must(t, s.OlderLayout(q))
	s.Close()
	_, err := sqs.Open(sqs.Config{Config: engine.Config{Store: s.store, Clock: s.clock}})
	if err == nil || !strings.Contains(err.Error(), "start with a new data directory") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

// TestSequenceNumbersNeverComeTwice: also where the message that had the last
// one is gone, and the clock stands still over a restart.
func TestSequenceNumbersNeverComeTwice(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	last := ""
	for i, body := range []string{"a", "b", "c", "d"} {
		out := s.send(t, q, "g", body)
		if out.SequenceNumber <= last {
			t.Errorf("%s has the number %s, after %s", body, out.SequenceNumber, last)
		}
		last = out.SequenceNumber
		switch i {
		case 0, 2:
			for _, m := range s.take(t, q, 10) {
				must(t, s.delete(q, m))
			}
		case 1:
			_, err := s.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: q})
			must(t, err)
		}
		s.restart(t)
	}
}
