package sqs_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

const account = "arn:aws:sqs:us-east-1:000000000000:"

// deadQueue makes a dead-letter queue that holds bodies, from queue home.
func (s *stack) deadQueue(t *testing.T, dead, home string, bodies ...string) {
	t.Helper()
	s.create(t, dead)
	s.create(t, home, `RedrivePolicy={"deadLetterTargetArn":"`+account+dead+`","maxReceiveCount":1}`)
	for _, b := range bodies {
		s.send(t, home, "", b)
	}
	s.take(t, home, 10)
	s.clock.Advance(30 * time.Second)
	want(t, "not dead", fmt.Sprint(len(s.take(t, home, 10))), "0")
}

func (s *stack) tasks(t *testing.T, source string, limit int32) []sqs.ListMessageMoveTasksResultEntry {
	t.Helper()
	out, err := s.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: account + source, MaxResults: &limit})
	must(t, err)
	return out.Results
}

func (s *stack) move(t *testing.T, in sqs.StartMessageMoveTaskInput) string {
	t.Helper()
	out, err := s.StartMessageMoveTask(ctx, &in)
	must(t, err)
	synctest.Wait()
	return out.TaskHandle
}

// A moved message is a new one, as AWS's guide says of a redrive: with another
// ID and age, never received. It may go to a queue that it isn't from.
func TestMovedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.deadQueue(t, "dead", "home", "1", "2")
		s.create(t, "elsewhere")
		all := sqs.ReceiveMessageInput{QueueUrl: "dead", AttributeNames: []string{"All"}, VisibilityTimeout: ptr[int32](0)}
		before := s.receive(t, all)[0]
		want(t, "receives", before.Attributes["ApproximateReceiveCount"], "2")
		s.clock.Advance(time.Second)
		s.move(t, sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", DestinationArn: account + "elsewhere"})
		all.QueueUrl = "elsewhere"
		after := s.receive(t, all)[0]
		want(t, "body", after.Body, before.Body)
		want(t, "receives", after.Attributes["ApproximateReceiveCount"], "1")
		want(t, "sent", after.Attributes["SentTimestamp"], fmt.Sprint(s.clock.Now().UnixMilli()))
		want(t, "origin", after.Attributes["DeadLetterQueueSourceArn"], "")
		if after.MessageId == before.MessageId {
			t.Error("a moved message keeps its ID")
		}
		task := s.tasks(t, "dead", 1)[0]
		want(t, "task", fmt.Sprint(task.Status, task.ApproximateNumberOfMessagesMoved, *task.ApproximateNumberOfMessagesToMove), "COMPLETED2 2")
	})
}

// Tasks are listed latest first, also those that failed; only a running one
// shows its handle.
func TestMoveTasksListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		defer s.close()
		s.deadQueue(t, "dead", "home", "1", "2")
		s.send(t, "dead", "", "sent here") // by nobody's redrive policy
		s.move(t, sqs.StartMessageMoveTaskInput{SourceArn: account + "dead"})
		failed := s.tasks(t, "dead", 10)[0]
		want(t, "homeless message", failed.Status+" "+failed.FailureReason, "FAILED CouldNotDetermineMessageSource")
		want(t, "moved until then", bodies(s.take(t, "home", 10)), "1 2")
		s.send(t, "dead", "", "again")
		handle := s.move(t, sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", DestinationArn: account + "home", MaxNumberOfMessagesPerSecond: ptr[int32](1)})
		list := s.tasks(t, "dead", 10)
		want(t, "latest first", list[0].Status+" "+list[1].Status, "RUNNING FAILED")
		want(t, "handles", list[0].TaskHandle+" "+list[1].TaskHandle, handle+" ")
		want(t, "rate", fmt.Sprint(*list[0].MaxNumberOfMessagesPerSecond), "1")
		want(t, "one unless asked", fmt.Sprint(len(s.tasks(t, "dead", 1))), "1")
		out, err := s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
		must(t, err)
		want(t, "moved", fmt.Sprint(out.ApproximateNumberOfMessagesMoved), "1")
		_, err = s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
		wantError(t, err, "InvalidParameterValueException", "Only active tasks can be cancelled.")
		_, err = s.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: "home"})
		must(t, err)
		_, err = s.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: account + "dead"})
		wantError(t, err, "InvalidParameterValueException", "Source queue must be configured as a Dead Letter Queue.")
	})
}

func TestMoveTaskRefuses(t *testing.T) {
	s := newStack(t)
	s.deadQueue(t, "dead", "home")
	s.create(t, "x.fifo")
	tests := []struct {
		in         sqs.StartMessageMoveTaskInput
		code, text string
	}{
		{sqs.StartMessageMoveTaskInput{}, "MissingRequiredParameterException", "The request must contain the parameter SourceArn."},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "none"}, "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "home"}, "InvalidParameterValueException", "Source queue must be configured as a Dead Letter Queue."},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", DestinationArn: account + "none"}, "ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist."},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", DestinationArn: account + "dead"}, "InvalidParameterValueException", "cannot be the same"},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", DestinationArn: account + "x.fifo"}, "InvalidParameterValueException", "same type"},
		{sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", MaxNumberOfMessagesPerSecond: ptr[int32](501)}, "InvalidParameterValueException", "Must be between 1 and 500"},
	}
	for _, tt := range tests {
		_, err := s.StartMessageMoveTask(ctx, &tt.in)
		wantError(t, err, tt.code, tt.text)
	}
	_, err := s.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: account + "none"})
	wantError(t, err, "ResourceNotFoundException", "SourceArn")
	_, err = s.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: account + "dead", MaxResults: ptr[int32](11)})
	wantError(t, err, "InvalidParameterValueException", "MaxResults")
}
