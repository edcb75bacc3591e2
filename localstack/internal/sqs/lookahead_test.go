package sqs_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// TestBacklogOfOneGroup: behind so many messages of a group that is blocked, no
// other group is found, until one of them has gone. ERRAND_BACKLOG=120000 has
// the number that AWS has, and queues have unless a test says otherwise.
func TestBacklogOfOneGroup(t *testing.T) {
	n := 2000
	if s := os.Getenv("ERRAND_BACKLOG"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	opt := sqs.LookAhead(n)
	if n == 120_000 {
		opt = func(*sqs.Config) {}
	}
	s := newStack(t, opt)
	s.create(t, q)
	fillGroup(t, s, "a", 0, n-1)
	s.send(t, q, "b", "b1")
	s.send(t, q, "c", "c1")
	first := s.take(t, q, 1)
	want(t, "the last that is looked at", bodies(s.take(t, q, 10)), "b1")
	want(t, "behind the backlog", bodies(s.take(t, q, 10)), "")
	s.restart(t)
	want(t, "after a restart", bodies(s.take(t, q, 10)), "")
	must(t, s.delete(q, first[0]))
	want(t, "with one message less before it", bodies(s.take(t, q, 1))+" "+bodies(s.take(t, q, 10)), "a1 c1")
}

// fillGroup sends so many messages to a group, by tens.
func fillGroup(t *testing.T, s *stack, group string, from, n int) {
	t.Helper()
	for i := from; i < from+n; i += 10 {
		in := sqs.SendMessageBatchInput{QueueUrl: q}
		for j := i; j < min(i+10, from+n); j++ {
			body := fmt.Sprintf("%s%d", group, j)
			in.Entries = append(in.Entries, sqs.SendMessageBatchRequestEntry{
				Id: fmt.Sprint(j), MessageBody: body, MessageGroupId: &group, MessageDeduplicationId: &body,
			})
		}
		out, err := s.SendMessageBatch(ctx, &in)
		if err != nil || len(out.Failed) > 0 {
			t.Fatalf("send: %v %v", err, out.Failed)
		}
	}
}

// TestFrontMovesOn: what takes a message away brings another one in, and a poll
// that waits for that is woken.
func TestFrontMovesOn(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, s *stack, held []sqs.Message) // a1 and a2, of a1 a2 a3 b1 c1
		want string
	}{
		{"nothing went", func(t *testing.T, s *stack, _ []sqs.Message) { s.send(t, q, "d", "d1") }, "-"},
		{"deleted", func(t *testing.T, s *stack, held []sqs.Message) { must(t, s.delete(q, held[1])) }, "b1"},
		{"dead", func(t *testing.T, s *stack, held []sqs.Message) {
			must(t, s.hide(q, held[1], 0))
			must(t, s.hide(q, held[0], 0))
		}, "a3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, sqs.LookAhead(3))
				s.create(t, "dead.fifo")
				s.create(t, q, `RedrivePolicy={"deadLetterTargetArn":"`+account+`dead.fifo","maxReceiveCount":1}`)
				for _, b := range []string{"a1", "a2", "a3", "b1", "c1"} {
					s.send(t, q, b[:1], b)
				}
				held := s.take(t, q, 2)
				p := s.poll(q, 20)
				want(t, "at first", p.answered(), "-")
				tt.do(t, s, held)
				want(t, "then", p.answered(), tt.want)
				p.stop()
			})
		})
	}
}
