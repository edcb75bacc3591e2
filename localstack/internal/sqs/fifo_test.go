package sqs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

const q = "q.fifo"

func TestGroupIsBlockedWhileItsHeadIsInFlight(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	for _, b := range []string{"1", "2", "3"} {
		s.send(t, q, "a", b)
	}
	first := s.take(t, q, 2)
	want(t, "batch of one group", bodies(first), "1 2")
	want(t, "blocked", bodies(s.take(t, q, 10)), "")
	must(t, s.delete(q, first[0]))
	want(t, "blocked by 2", bodies(s.take(t, q, 10)), "")
	must(t, s.delete(q, first[1]))
	want(t, "unblocked", bodies(s.take(t, q, 10)), "3")
}

// What AWS was observed to do, though it promises nothing across groups: a
// receive drains a group, and one that comes back stands behind the others.
func TestGroupsTakeTurns(t *testing.T) {
	now := sqs.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: ptr[int32](10), VisibilityTimeout: ptr[int32](0)}
	tests := []struct {
		name string
		do   func(t *testing.T, s *stack, m []sqs.Message) // m is a1 and a2, in flight
		want string
	}{
		{"one that was received is behind", func(*testing.T, *stack, []sqs.Message) {}, "b1 c1"},
		{"it comes back by itself", func(_ *testing.T, s *stack, _ []sqs.Message) { s.clock.Advance(30 * time.Second) }, "b1 c1 a1 a2 a3"},
		{"it is returned", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.hide(q, m[0], 0)) }, "b1 c1 a1"},
		{"its messages are deleted", func(t *testing.T, s *stack, m []sqs.Message) {
			must(t, s.delete(q, m[0]))
			must(t, s.delete(q, m[1]))
		}, "b1 c1 a3"},
		{"the last to come back is last", func(t *testing.T, s *stack, _ []sqs.Message) {
			s.clock.Advance(time.Second)
			s.take(t, q, 1) // b1
			s.clock.Advance(30 * time.Second)
		}, "c1 a1 a2 a3 b1"},
		{"a group that was empty is new", func(t *testing.T, s *stack, m []sqs.Message) {
			must(t, s.delete(q, s.take(t, q, 1)[0])) // b1
			s.send(t, q, "b", "b2")
		}, "c1 b2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStack(t)
			s.create(t, q)
			for _, b := range []string{"a1", "a2", "a3", "b1", "c1"} {
				s.send(t, q, b[:1], b)
			}
			tt.do(t, s, s.take(t, q, 2))
			want(t, "received", bodies(s.receive(t, now)), tt.want)
		})
	}
}

// TestTurnsWithDelay: a group's turn is when its message comes up, also if the
// queue's delay was changed meanwhile.
func TestTurnsWithDelay(t *testing.T) {
	s := newStack(t)
	s.create(t, q, "DelaySeconds=10")
	s.send(t, q, "a", "a1")
	s.clock.Advance(5 * time.Second)
	s.send(t, q, "b", "b1")
	s.send(t, q, "a", "a2")
	s.clock.Advance(5 * time.Second)
	want(t, "only a1 is up", bodies(s.take(t, q, 10)), "a1")
	s.set(t, q, "DelaySeconds", "20")
	s.clock.Advance(10 * time.Second)
	want(t, "b isn't up for longer", bodies(s.take(t, q, 10)), "")
	s.set(t, q, "DelaySeconds", "0")
	s.clock.Advance(20 * time.Second)
	want(t, "all are up", bodies(s.take(t, q, 10)), "b1 a1 a2")
}

// A clock that is set back doesn't hold up what has no delay.
func TestClockSetBack(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "1")
	s.close()
	s = openStack(t, s.fs, clock.NewManual(start.Add(-time.Hour)))
	s.send(t, q, "g", "2")
	want(t, "received", bodies(s.take(t, q, 10)), "1 2")
}

func TestOldestGroupFirst(t *testing.T) {
	s := newStack(t, oldestFirst)
	s.create(t, q)
	s.send(t, q, "a", "a1")
	s.send(t, q, "b", "b1")
	s.send(t, q, "a", "a2")
	s.send(t, q, "c", "c1")
	want(t, "first", bodies(s.take(t, q, 1)), "a1")
	b := s.take(t, q, 1)
	want(t, "second, a being blocked", bodies(b), "b1")
	must(t, s.hide(q, b[0], 0))
	want(t, "b came back and is older than c", bodies(s.take(t, q, 10)), "b1 c1")
	s.clock.Advance(30 * time.Second)
	want(t, "a group is drained before the next", bodies(s.take(t, q, 3)), "a1 a2 b1")
}

func TestVisibilityWithinAGroup(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, s *stack, m []sqs.Message)
		want string
	}{
		{"timeout returns all", func(t *testing.T, s *stack, m []sqs.Message) { s.clock.Advance(30 * time.Second) }, "1 2 3 4"},
		{"just before it", func(t *testing.T, s *stack, m []sqs.Message) { s.clock.Advance(30*time.Second - 1) }, ""},
		{"extending the second hides what follows", func(t *testing.T, s *stack, m []sqs.Message) {
			must(t, s.hide(q, m[1], 100))
			s.clock.Advance(30 * time.Second)
		}, "1"},
		{"only the first made visible", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.hide(q, m[0], 0)) }, "1"},
		{"the second made visible", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.hide(q, m[1], 0)) }, ""},
		{"first deleted, second made visible", func(t *testing.T, s *stack, m []sqs.Message) {
			must(t, s.delete(q, m[0]))
			must(t, s.hide(q, m[1], 0))
		}, "2"},
		{"a change doesn't persist", func(t *testing.T, s *stack, m []sqs.Message) {
			must(t, s.hide(q, m[2], 100))
			s.clock.Advance(100 * time.Second)
			s.take(t, q, 10)
			s.clock.Advance(30 * time.Second)
		}, "1 2 3 4"},
	}
	for _, restart := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s/restart=%v", tt.name, restart), func(t *testing.T) {
				s := newStack(t)
				s.create(t, q)
				for _, b := range []string{"1", "2", "3", "4"} {
					s.send(t, q, "g", b)
				}
				tt.do(t, s, s.take(t, q, 3))
				if restart {
					s.restart(t)
				}
				want(t, "received", bodies(s.take(t, q, 10)), tt.want)
			})
		}
	}
}

func TestExpiredHandleIsRefused(t *testing.T) {
	const expired = "The receipt handle has expired."
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "1")
	old := s.take(t, q, 1)[0]
	s.clock.Advance(30 * time.Second)
	wantError(t, s.delete(q, old), "InvalidParameterValueException", expired)
	wantError(t, s.hide(q, old, 10), "InvalidParameterValueException", "Message does not exist or is not available for visibility timeout change.")
	again := s.take(t, q, 1)[0]
	if again.ReceiptHandle == old.ReceiptHandle {
		t.Error("a second receive gave the same handle")
	}
	wantError(t, s.delete(q, old), "InvalidParameterValueException", expired)
	must(t, s.hide(q, again, 60))
	s.clock.Advance(59 * time.Second)
	must(t, s.delete(q, again))
	must(t, s.delete(q, again)) // gone already is fine
	want(t, "left", s.attribute(t, q, "ApproximateNumberOfMessages"), "0")
}

func TestVisibilityLimits(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "1")
	m := s.take(t, q, 1)[0]
	s.clock.Advance(time.Second)
	wantError(t, s.hide(q, m, 43_200), "InvalidParameterValueException", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	must(t, s.hide(q, m, 43_199))
	wantError(t, s.hide(q, m, 43_201), "InvalidParameterValueException", "VisibilityTimeout")
}

func TestHandlesOfOthers(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.create(t, "other.fifo")
	s.send(t, "other.fifo", "g", "1")
	m := s.take(t, "other.fifo", 1)[0]
	for _, handle := range []string{m.ReceiptHandle, "garbage", m.ReceiptHandle[:20], "AAAA" + m.ReceiptHandle[4:]} {
		m.ReceiptHandle = handle
		wantError(t, s.delete(q, m), "ReceiptHandleIsInvalid", "is not a valid receipt handle")
	}
}

func TestDeduplication(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s := newStack(t)
		s.create(t, q)
		first := s.send(t, q, "g", "1")
		must(t, s.delete(q, s.take(t, q, 1)[0]))
		if restart {
			s.restart(t)
		}
		s.clock.Advance(5*time.Minute - time.Millisecond)
		dup, err := s.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: q, MessageBody: "other body", MessageGroupId: ptr("other"), MessageDeduplicationId: ptr("1"),
		})
		must(t, err)
		want(t, "ID of a duplicate", dup.MessageId, first.MessageId)
		want(t, "its sequence number", dup.SequenceNumber, first.SequenceNumber)
		want(t, "MD5 is this request's", dup.MD5OfMessageBody, "ab5b30d1c41106b54743053392b39cbf")
		want(t, "delivered", bodies(s.take(t, q, 1)), "")
		s.clock.Advance(time.Millisecond)
		if s.send(t, q, "g", "1").MessageId == first.MessageId {
			t.Error("still a duplicate after 5 minutes")
		}
		want(t, "after the window", bodies(s.take(t, q, 1)), "1")
	}
}

func TestDeduplicationScope(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.create(t, "groups.fifo", "DeduplicationScope=messageGroup", "FifoThroughputLimit=perMessageGroupId")
	// A later change of the attribute doesn't change what happens.
	s.set(t, q, "DeduplicationScope", "messageGroup")
	for queue, delivered := range map[string]string{q: "x", "groups.fifo": "x x"} {
		s.send(t, queue, "a", "x")
		s.send(t, queue, "b", "x")
		s.send(t, queue, "b", "x")
		want(t, queue, bodies(s.take(t, queue, 10)), delivered)
	}
}

func TestContentBasedDeduplication(t *testing.T) {
	s := newStack(t)
	s.create(t, q, "ContentBasedDeduplication=true")
	send := func(body string, id *string) string {
		out, err := s.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: q, MessageBody: body, MessageGroupId: ptr("g"), MessageDeduplicationId: id,
			MessageAttributes: map[string]sqs.MessageAttributeValue{"n": {DataType: "Number", StringValue: ptr(fmt.Sprint(len(body)))}},
		})
		must(t, err)
		return out.MessageId
	}
	if first, second := send("same", nil), send("same", nil); first != second {
		t.Error("the same body twice isn't a duplicate")
	}
	if send("same", ptr("id")) == send("same", nil) {
		t.Error("an explicit ID doesn't override the body's")
	}
	batch, err := s.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: q, Entries: []sqs.SendMessageBatchRequestEntry{
		{Id: "1", MessageBody: "twin", MessageGroupId: ptr("g")}, {Id: "2", MessageBody: "twin", MessageGroupId: ptr("g")},
	}})
	must(t, err)
	want(t, "duplicate within a batch", batch.Successful[1].MessageId, batch.Successful[0].MessageId)
	want(t, "delivered", bodies(s.take(t, q, 10)), "same same twin")
}

func TestReceiveAttempt(t *testing.T) {
	try := func(t *testing.T, s *stack) []sqs.Message {
		t.Helper()
		return s.receive(t, sqs.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: ptr[int32](2), ReceiveRequestAttemptId: "try"})
	}
	tests := []struct {
		name string
		do   func(t *testing.T, s *stack, m []sqs.Message)
		same bool
		want string
	}{
		{"at once", func(*testing.T, *stack, []sqs.Message) {}, true, "1 2"},
		{"after a restart", func(t *testing.T, s *stack, _ []sqs.Message) { s.restart(t) }, true, "1 2"},
		{"after the timeout", func(_ *testing.T, s *stack, _ []sqs.Message) { s.clock.Advance(time.Minute) }, true, "1 2"},
		{"after 5 minutes", func(_ *testing.T, s *stack, _ []sqs.Message) { s.clock.Advance(5 * time.Minute) }, false, "1 2"},
		{"after a delete", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.delete(q, m[0])) }, false, ""},
		{"after a change", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.hide(q, m[1], 30)) }, false, ""},
		{"after a return", func(t *testing.T, s *stack, m []sqs.Message) { must(t, s.hide(q, m[0], 0)) }, false, "1"},
		{"after another took them", func(t *testing.T, s *stack, m []sqs.Message) {
			s.clock.Advance(time.Minute)
			s.take(t, q, 1)
		}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStack(t)
			s.create(t, q)
			for _, b := range []string{"1", "2", "3"} {
				s.send(t, q, "g", b)
			}
			first := try(t, s)
			want(t, "first", bodies(first), "1 2")
			tt.do(t, s, first)
			second := try(t, s)
			want(t, "second", bodies(second), tt.want)
			if len(second) > 0 && (second[0].ReceiptHandle == first[0].ReceiptHandle) != tt.same {
				t.Errorf("same handle: %v, want %v", !tt.same, tt.same)
			}
		})
	}
}

func TestReceiveAttemptResetsTheTimeout(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "1")
	in := sqs.ReceiveMessageInput{QueueUrl: q, ReceiveRequestAttemptId: "try", AttributeNames: []string{"All"}}
	s.receive(t, in)
	s.clock.Advance(20 * time.Second)
	m := s.receive(t, in)[0]
	want(t, "receive count", m.Attributes["ApproximateReceiveCount"], "1")
	s.clock.Advance(29 * time.Second)
	want(t, "still hidden", bodies(s.take(t, q, 1)), "")
	must(t, s.delete(q, m))
}

func TestFIFODelayAndRetention(t *testing.T) {
	s := newStack(t)
	s.create(t, q, "DelaySeconds=10", "MessageRetentionPeriod=60")
	s.send(t, q, "a", "1")
	want(t, "delayed", s.attribute(t, q, "ApproximateNumberOfMessagesDelayed"), "1")
	want(t, "too early", bodies(s.take(t, q, 1)), "")
	s.clock.Advance(10 * time.Second)
	want(t, "in time", bodies(s.take(t, q, 1)), "1")
	s.send(t, q, "b", "2")
	s.set(t, q, "DelaySeconds", "0") // applies to what is there
	want(t, "delay taken back", bodies(s.receive(t, sqs.ReceiveMessageInput{QueueUrl: q, VisibilityTimeout: ptr[int32](0)})), "2")
	s.clock.Advance(50 * time.Second)
	want(t, "1 is too old", bodies(s.take(t, q, 10)), "2")
	s.restart(t)
	s.clock.Advance(30 * time.Second)
	want(t, "2 is, too", bodies(s.take(t, q, 10)), "")
	want(t, "nothing left", s.attribute(t, q, "ApproximateNumberOfMessages"), "0")
}

func TestPurge(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.send(t, q, "g", "1")
	s.take(t, q, 1)
	s.send(t, q, "g", "2")
	purge := func() error {
		_, err := s.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: q})
		return err
	}
	must(t, purge())
	wantError(t, purge(), "PurgeQueueInProgress", "Only one PurgeQueue operation on q.fifo is allowed every 60 seconds.")
	s.restart(t)
	s.clock.Advance(time.Minute)
	want(t, "received", bodies(s.take(t, q, 1)), "")
	s.send(t, q, "g", "1") // the window was purged, too
	want(t, "sent again", bodies(s.take(t, q, 1)), "1")
	must(t, purge())
}

// skippedMessages are skipped by the receives that come to them: 1 is the first that any
// receive comes to.
type skippedMessages struct {
	sqs.Faults
	skip map[int]bool
	n    int
}

func (f *skippedMessages) SkipMessage() bool {
	f.n++
	return f.skip[f.n]
}

func (f *skippedMessages) EmptyReceive() bool         { return false }
func (f *skippedMessages) ApproximateCount(n int) int { return n }

// TestReceiveSkipsMessages: a receive that skips a message returns none of those behind it
// in the group, and goes on with the next group.
func TestReceiveSkipsMessages(t *testing.T) {
	for _, tt := range []struct {
		name       string
		skip       map[int]bool
		want, then string
	}{
		{"the first of a group", map[int]bool{1: true}, "b1 b2", "a1 a2 a3"},
		{"the second", map[int]bool{2: true}, "a1 b1 b2", ""},
		{"the last group's second", map[int]bool{5: true}, "a1 a2 a3 b1", ""},
		{"the first of all", map[int]bool{1: true, 2: true}, "", "a1 a2 a3 b1 b2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStack(t, func(c *sqs.Config) { c.Faults = &skippedMessages{skip: tt.skip} })
			s.create(t, q)
			for _, b := range []string{"a1", "a2", "a3", "b1", "b2"} {
				s.send(t, q, b[:1], b)
			}
			want(t, "received", bodies(s.take(t, q, 10)), tt.want)
			want(t, "then", bodies(s.take(t, q, 10)), tt.then)
		})
	}
}
