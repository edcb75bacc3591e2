package sqs_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

func TestStandardQueue(t *testing.T) {
	s := newStack(t)
	const q = "standard"
	s.create(t, q)
	// Groups of a standard queue order nothing: it is fair, and parallel.
	for _, b := range []string{"1", "2", "3"} {
		s.send(t, q, "tenant", b)
	}
	first := s.take(t, q, 2)
	want(t, "first", bodies(first), "1 2")
	want(t, "a group blocks nothing", bodies(s.take(t, q, 2)), "3")
	must(t, s.hide(q, first[0], 0))
	want(t, "returned", bodies(s.take(t, q, 10)), "1")
	s.clock.Advance(30 * time.Second)
	must(t, s.delete(q, first[1])) // after its timeout
	must(t, s.hide(q, first[0], 20))
	s.restart(t)
	want(t, "what isn't deleted or hidden anew", bodies(s.take(t, q, 10)), "3")
	s.clock.Advance(20 * time.Second)
	want(t, "hidden anew until now", bodies(s.take(t, q, 10)), "1")
	must(t, s.delete(q, first[0])) // a former handle
	s.clock.Advance(time.Minute)
	want(t, "left", bodies(s.take(t, q, 10)), "3")
	want(t, "count", s.attribute(t, q, "ApproximateNumberOfMessages")+s.attribute(t, q, "ApproximateNumberOfMessagesNotVisible"), "01")
}

func TestStandardDelays(t *testing.T) {
	s := newStack(t)
	const q = "standard"
	s.create(t, q, "DelaySeconds=10")
	for body, delay := range map[string]*int32{"queue": nil, "none": ptr[int32](0), "own": ptr[int32](20)} {
		_, err := s.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q, MessageBody: body, DelaySeconds: delay})
		must(t, err)
	}
	s.set(t, q, "DelaySeconds", "0") // not retroactive
	want(t, "delayed", s.attribute(t, q, "ApproximateNumberOfMessagesDelayed"), "2")
	want(t, "at once", bodies(s.take(t, q, 10)), "none")
	s.restart(t)
	s.clock.Advance(10*time.Second - time.Millisecond)
	want(t, "too early", bodies(s.take(t, q, 10)), "")
	s.clock.Advance(time.Millisecond)
	want(t, "the queue's delay", bodies(s.take(t, q, 10)), "queue")
	s.clock.Advance(10 * time.Second)
	want(t, "its own delay", bodies(s.take(t, q, 10)), "own")
}

func TestDeadLetters(t *testing.T) {
	for suffix, order := range map[string]string{"": "1 2 3", ".fifo": "1 2 3"} {
		t.Run("queue"+suffix, func(t *testing.T) {
			s := newStack(t)
			source, dead := "source"+suffix, "dead"+suffix
			s.create(t, dead)
			s.create(t, source, `RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:`+dead+`","maxReceiveCount":"1"}`)
			for _, b := range []string{"1", "2", "3"} {
				s.send(t, source, "g", b)
			}
			sentAt := s.clock.Now()
			want(t, "alive", bodies(s.take(t, source, 2)), "1 2")
			s.clock.Advance(20 * time.Second)
			p := s.poll(dead, 20)
			s.clock.Advance(10 * time.Second) // the first two are visible again; the poll goes on for 10 s
			want(t, "the group goes on after the dead", bodies(s.take(t, source, 2)), "3")
			m := <-p.got
			want(t, "a poll of the dead-letter queue wakes", bodies(m), "1")
			s.clock.Advance(30 * time.Second)
			want(t, "all are dead", bodies(s.take(t, source, 2)), "")
			s.restart(t)
			got := s.receive(t, sqs.ReceiveMessageInput{QueueUrl: dead, MaxNumberOfMessages: ptr[int32](10), AttributeNames: []string{"All"}})
			want(t, "dead, in order", bodies(got), order)
			want(t, "source", got[1].Attributes["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:"+source)
			if since := fmt.Sprint(sentAt.UnixMilli()); (got[1].Attributes["SentTimestamp"] == since) != (suffix == "") {
				t.Errorf("SentTimestamp %s, sent %s", got[1].Attributes["SentTimestamp"], since)
			}
			sources, err := s.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead})
			must(t, err)
			want(t, "sources", fmt.Sprint(sources.QueueUrls), "[http://here/000000000000/"+source+"]")
		})
	}
}

func TestMoveTask(t *testing.T) { synctest.Test(t, testMoveTask) }

func testMoveTask(t *testing.T) {
	const deadARN, sourceARN = "arn:aws:sqs:us-east-1:000000000000:dead", "arn:aws:sqs:us-east-1:000000000000:source"
	s := newStack(t)
	defer func() { s.close() }()
	s.create(t, "dead")
	startTask := func(rate *int32) (string, error) {
		out, err := s.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: deadARN, MaxNumberOfMessagesPerSecond: rate})
		if err != nil {
			return "", err
		}
		return out.TaskHandle, nil
	}
	_, err := startTask(nil)
	wantError(t, err, "InvalidParameterValueException", "Source queue must be configured as a Dead Letter Queue.")
	s.create(t, "source", `RedrivePolicy={"deadLetterTargetArn":"`+deadARN+`","maxReceiveCount":1}`)
	for i := range 5 {
		s.send(t, "source", "", fmt.Sprint(i))
	}
	s.take(t, "source", 10)
	s.clock.Advance(30 * time.Second)
	want(t, "all dead", bodies(s.take(t, "source", 10)), "")

	handle, err := startTask(ptr[int32](2))
	must(t, err)
	_, err = startTask(nil)
	wantError(t, err, "InvalidParameterValueException", "There is already a task running.")
	synctest.Wait()
	want(t, "a second's worth", bodies(s.take(t, "source", 10)), "0 1")
	s.restart(t)
	synctest.Wait()
	want(t, "the task goes on", bodies(s.take(t, "source", 10)), "2 3")
	s.clock.Advance(time.Second / 2)
	_, err = s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
	must(t, err)
	list := func() sqs.ListMessageMoveTasksResultEntry {
		out, err := s.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: deadARN})
		must(t, err)
		return out.Results[0]
	}
	want(t, "status", list().Status+list().TaskHandle, "CANCELLED")
	_, err = startTask(nil)
	must(t, err)
	synctest.Wait() // the rest fits into the task's first second
	want(t, "status", list().Status, "COMPLETED")
	want(t, "home", bodies(s.take(t, "source", 10)), "4")
	want(t, "dead", s.attribute(t, "dead", "ApproximateNumberOfMessages"), "0")
	for text, handle := range map[string]string{"Value for parameter TaskHandle is invalid.": "x", "Task does not exist.": "eyJ0YXNrSWQiOiJ4Iiwic291cmNlQXJuIjoiYXJuOmF3czpzcXM6dXMtZWFzdC0xOjAwMDAwMDAwMDAwMDpkZWFkIn0="} {
		_, err = s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
		wantError(t, err, map[bool]string{true: "InvalidParameterValueException", false: "ResourceNotFoundException"}[handle == "x"], text)
	}
}
