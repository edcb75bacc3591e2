package sqs_test

import (
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A waitingPoll is a long poll that is parked. There is one at a time: with one
// at each queue, what the one at the dead-letter queue gets would depend on which
// of them is first to look.
type waitingPoll struct {
	*poll
	queue *modelQueue
	limit int
	until time.Duration
}

// wait begins a long poll.
func (w *run) wait(r *rapid.T) {
	if w.waiting != nil {
		return
	}
	m := w.pick(r)
	seconds := rapid.Int32Range(1, 20).Draw(r, "wait")
	limit := rapid.IntRange(1, 3).Draw(r, "limit")
	p := w.pollWith(sqs.ReceiveMessageInput{
		QueueUrl: m.name, WaitTimeSeconds: &seconds, MaxNumberOfMessages: ptr(int32(limit)), AttributeNames: []string{"All"},
	})
	w.waiting = &waitingPoll{poll: p, queue: m, limit: limit, until: w.now + time.Duration(seconds)*time.Second}
}

// serve looks at the long poll: it has answered if there is something that it
// may have, or its time is over, and else it hasn't.
func (w *run) serve(r *rapid.T) {
	synctest.Wait()
	p := w.waiting
	if p == nil {
		return
	}
	var got []sqs.Message
	answered := false
	select {
	case got = <-p.got:
		answered = true
		w.waiting = nil
	default:
	}
	m := p.queue
	m.expire(w.now)
	wanted := m.take(func() [][]*modelMessage { return w.runsAs(m, got) }, p.limit, m.visibility)
	w.compare(r, m, got, wanted)
	if over := len(wanted) > 0 || p.until <= w.now; over != answered {
		r.Fatalf("a long poll has answered: %v, want %v", answered, over)
	}
}

// endPoll checks that the poll was answered, with nothing.
func (w *run) endPoll(r *rapid.T) {
	if w.waiting == nil {
		return
	}
	if got := w.waiting.answered(); got != "" {
		r.Fatalf("a poll was answered with %q when the engine closed", got)
	}
	w.waiting = nil
}

// pass lets time go by, and stops where something comes up meanwhile, since a
// poll may wait for it.
func (w *run) pass(r *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{1, 1000, 5000, 5000, 30_000, 60_000, 240_000, 299_999, 600_000}).Draw(r, "ms") * time.Millisecond
	for until := w.now + d; w.now < until; w.serve(r) {
		next := until
		for _, m := range w.queues {
			next = min(next, m.next(w.now))
		}
		if w.waiting != nil {
			next = min(next, w.waiting.until)
		}
		w.clock.Advance(next - w.now)
		w.now = next
	}
}

// move runs a move task from the dead-letter queue, which is over before
// anything else happens: it moves 500 messages at once.
func (w *run) move(r *rapid.T) {
	home := w.queues[1]
	if home.dead == nil || rapid.IntRange(0, 2).Draw(r, "move") > 0 {
		return
	}
	for _, m := range w.queues {
		m.expire(w.now)
	}
	in := sqs.StartMessageMoveTaskInput{SourceArn: account + home.dead.name}
	if rapid.Bool().Draw(r, "destination") {
		in.DestinationArn = account + home.name
	}
	if in.DestinationArn == "" && w.waiting != nil && w.waiting.queue == home {
		return // it moves in steps where the next message has no origin: the poll may look between two
	}
	_, err := w.StartMessageMoveTask(ctx, &in)
	if allowed := home.maxReceive > 0; (err == nil) != allowed {
		r.Fatalf("a move task: %v, want allowed: %v", err, allowed)
	}
	if err != nil {
		return
	}
	synctest.Wait()
	out, err := w.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: in.SourceArn})
	must(w.t, err)
	moved, status := home.dead.moveTo(home, in.DestinationArn == "")
	if got := out.Results[0]; got.Status != status || got.ApproximateNumberOfMessagesMoved != int64(moved) {
		r.Fatalf("the move task is %s and moved %d, want %s and %d", got.Status, got.ApproximateNumberOfMessagesMoved, status, moved)
	}
}
