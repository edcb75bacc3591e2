package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A poll is a long poll on a goroutine.
type poll struct {
	got  chan []sqs.Message
	err  error
	stop context.CancelFunc
}

func (s *stack) poll(queue string, seconds int32) *poll {
	return s.pollWith(sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: &seconds})
}

func (s *stack) pollWith(in sqs.ReceiveMessageInput) *poll {
	ctx, stop := context.WithCancel(ctx)
	p := &poll{got: make(chan []sqs.Message, 1), stop: stop}
	go func() {
		out, err := s.ReceiveMessage(ctx, &in)
		p.err = err
		if err != nil {
			out = &sqs.ReceiveMessageOutput{}
		}
		p.got <- out.Messages
	}()
	return p
}

// answered is what the poll has come back with; "-" is that it hasn't.
func (p *poll) answered() string {
	synctest.Wait()
	select {
	case m := <-p.got:
		return bodies(m)
	default:
		return "-"
	}
}

func TestLongPollWakes(t *testing.T) {
	tests := []struct {
		name string
		wake func(t *testing.T, s *stack, held sqs.Message)
		want string
	}{
		{"send", func(t *testing.T, s *stack, _ sqs.Message) { s.send(t, q, "other", "x") }, "x"},
		{"send to a blocked group", func(t *testing.T, s *stack, _ sqs.Message) { s.send(t, q, "g", "x") }, "-"},
		{"delete unblocks", func(t *testing.T, s *stack, m sqs.Message) { must(t, s.delete(q, m)) }, "2"},
		{"visibility 0", func(t *testing.T, s *stack, m sqs.Message) { must(t, s.hide(q, m, 0)) }, "1"},
		{"visibility expires", func(t *testing.T, s *stack, _ sqs.Message) { s.clock.Advance(10 * time.Second) }, "1"},
		{"just before", func(t *testing.T, s *stack, _ sqs.Message) { s.clock.Advance(10*time.Second - time.Millisecond) }, "-"},
		{"shortened", func(t *testing.T, s *stack, m sqs.Message) {
			must(t, s.hide(q, m, 2))
			s.clock.Advance(2 * time.Second)
		}, "1"},
		{"extended", func(t *testing.T, s *stack, m sqs.Message) {
			must(t, s.hide(q, m, 60))
			s.clock.Advance(19 * time.Second)
		}, "-"},
		{"wait is over", func(t *testing.T, s *stack, m sqs.Message) {
			must(t, s.hide(q, m, 60))
			s.clock.Advance(20 * time.Second)
		}, ""},
		{"close", func(_ *testing.T, s *stack, _ sqs.Message) { s.close() }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t)
				defer s.close()
				s.create(t, q)
				s.send(t, q, "g", "1")
				s.send(t, q, "g", "2")
				held := s.receive(t, sqs.ReceiveMessageInput{QueueUrl: q, VisibilityTimeout: ptr[int32](10)})[0]
				p := s.poll(q, 20)
				want(t, "before", p.answered(), "-")
				tt.wake(t, s, held)
				want(t, "after", p.answered(), tt.want)
			})
		})
	}
}

// TestAttemptDoesNotQueue: a receive that is tried again is answered at once
// with what it got, whoever waits.
func TestAttemptDoesNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.create(t, q)
		s.send(t, q, "g", "1")
		in := sqs.ReceiveMessageInput{QueueUrl: q, ReceiveRequestAttemptId: "a", WaitTimeSeconds: ptr[int32](20)}
		first := s.receive(t, in)
		other := s.poll(q, 20)
		want(t, "another poll", other.answered(), "-")
		again := s.pollWith(in)
		want(t, "again", again.answered(), "1")
		want(t, "the other poll", other.answered(), "-")
		must(t, s.delete(q, first[0]))
		s.send(t, q, "g", "2")
		want(t, "the other poll, then", other.answered(), "2")
	})
}

func TestLongPollOfADelay(t *testing.T) {
	for _, queue := range []string{q, "standard"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t)
			defer s.close()
			s.create(t, queue, "DelaySeconds=5", "ReceiveMessageWaitTimeSeconds=20")
			p := s.poll(queue, 20)
			s.send(t, queue, "g", "1")
			want(t, "sent", p.answered(), "-")
			s.clock.Advance(5 * time.Second)
			want(t, "up", p.answered(), "1")
		})
	}
}

func TestLongPollsAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.create(t, q)
		var polls []*poll
		for range 4 {
			polls = append(polls, s.poll(q, 20))
			synctest.Wait()
		}
		polls[1].stop()
		synctest.Wait()
		if polls[1].answered(); !errors.Is(polls[1].err, context.Canceled) {
			t.Errorf("cancelled poll: %v", polls[1].err)
		}
		for i, p := range []*poll{polls[0], polls[2], polls[3]} {
			s.send(t, q, fmt.Sprint(i), fmt.Sprint(i))
			want(t, "served", p.answered(), fmt.Sprint(i))
		}
	})
}

// TestCancelTakesNothing cancels the poll whose turn it is at the moment a
// message comes, in both orders.
func TestCancelTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.create(t, q)
		for i := range 50 {
			first, second := s.poll(q, 20), (*poll)(nil)
			synctest.Wait()
			second = s.poll(q, 20)
			synctest.Wait()
			body := fmt.Sprint(i)
			var both sync.WaitGroup
			both.Go(first.stop)
			both.Go(func() { s.send(t, q, body, body) })
			both.Wait()
			got := first.answered()
			if got == "" {
				got = second.answered()
			} else {
				second.stop()
				second.answered()
			}
			want(t, "delivered", got, body)
		}
	})
}

func TestDeletingAQueueEndsItsPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.create(t, q)
		p, p2 := s.poll(q, 20), s.poll(q, 20)
		synctest.Wait()
		_, err := s.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: q})
		must(t, err)
		p.answered()
		p2.answered()
		wantError(t, p.err, "QueueDoesNotExist", "")
		wantError(t, p2.err, "QueueDoesNotExist", "")
	})
}

// TestNoSendIsLost has 1,000 sends meet parked receivers.
func TestNoSendIsLost(t *testing.T) {
	t.Parallel()
	for _, queue := range []string{q, "standard"} {
		t.Run(queue, func(t *testing.T) {
			s := newStack(t)
			s.create(t, queue)
			const n, receivers = 1000, 20
			got := make(chan string, n)
			done, stop := context.WithCancel(ctx)
			var all sync.WaitGroup
			for range receivers {
				all.Go(func() {
					for {
						out, err := s.ReceiveMessage(done, &sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: ptr[int32](20)})
						if err != nil {
							return
						}
						for _, m := range out.Messages {
							got <- m.Body
							if err := s.delete(queue, m); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			for w := range 8 {
				all.Go(func() {
					for i := range n / 8 {
						s.send(t, queue, fmt.Sprint(i%7), fmt.Sprintf("%d-%d", w, i))
					}
				})
			}
			seen := map[string]bool{}
			for range n {
				body := <-got
				if seen[body] {
					t.Errorf("%s came twice", body)
				}
				seen[body] = true
			}
			stop()
			all.Wait()
		})
	}
}
