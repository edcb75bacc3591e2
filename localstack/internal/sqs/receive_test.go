package sqs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

func TestReceiveRefuses(t *testing.T) {
	s := newStack(t)
	s.create(t, "x")
	s.create(t, q)
	const invalid = "InvalidParameterValueException"
	tests := []struct {
		in         sqs.ReceiveMessageInput
		code, text string
	}{
		{sqs.ReceiveMessageInput{QueueUrl: "x", MaxNumberOfMessages: ptr[int32](0)}, invalid, "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
		{sqs.ReceiveMessageInput{QueueUrl: "x", WaitTimeSeconds: ptr[int32](21)}, invalid, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."},
		{sqs.ReceiveMessageInput{QueueUrl: "x", VisibilityTimeout: ptr[int32](43_201)}, invalid, "Value 43201 for parameter VisibilityTimeout is invalid."},
		{sqs.ReceiveMessageInput{QueueUrl: "x", VisibilityTimeout: ptr[int32](-1)}, invalid, "Value -1 for parameter VisibilityTimeout is invalid."},
		{sqs.ReceiveMessageInput{QueueUrl: "x", ReceiveRequestAttemptId: "a"}, invalid, "not valid for this queue type"},
		{sqs.ReceiveMessageInput{QueueUrl: q, ReceiveRequestAttemptId: strings.Repeat("a", 129)}, invalid, "1 to 128 in length."},
		{sqs.ReceiveMessageInput{QueueUrl: q, ReceiveRequestAttemptId: "a b"}, invalid, "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters."},
		{sqs.ReceiveMessageInput{QueueUrl: "x", AttributeNames: []string{"Nope"}}, "InvalidAttributeName", "Unknown Attribute Nope."},
		{sqs.ReceiveMessageInput{QueueUrl: "none"}, "QueueDoesNotExist", ""},
	}
	for _, tt := range tests {
		_, err := s.ReceiveMessage(ctx, &tt.in)
		wantError(t, err, tt.code, tt.text)
	}
}

// On a FIFO queue a DelaySeconds of 0 is allowed and says nothing: the queue's
// delay holds.
func TestFIFODelayOfNothing(t *testing.T) {
	s := newStack(t)
	s.create(t, q, "DelaySeconds=10")
	_, err := s.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: q, MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: ptr("d"), DelaySeconds: ptr[int32](0),
	})
	must(t, err)
	want(t, "before", bodies(s.take(t, q, 1)), "")
	s.clock.Advance(10 * time.Second)
	want(t, "after", bodies(s.take(t, q, 1)), "x")
}

func TestRedriveAllowPolicy(t *testing.T) {
	s := newStack(t)
	s.create(t, "dead")
	s.create(t, "dead.fifo")
	redrive := func(target string) string {
		return `{"deadLetterTargetArn":"` + account + target + `","maxReceiveCount":"1000"}`
	}
	arns := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%q", account+fmt.Sprint("q", i))
		}
		return strings.Join(list, ",")
	}
	tests := []struct{ queue, allow, redrive, text string }{
		{"q0", ``, redrive("dead"), ""},
		{"q0", `{"redrivePermission":"allowAll"}`, redrive("dead"), ""},
		{"q0", `{"redrivePermission":"denyAll"}`, redrive("dead"), "not allowed to use the dead letter target"},
		{"q0", `{"redrivePermission":"byQueue","sourceQueueArns":[` + arns(10) + `]}`, redrive("dead"), ""},
		{"other", `{"redrivePermission":"byQueue","sourceQueueArns":[` + arns(10) + `]}`, redrive("dead"), "not allowed to use the dead letter target"},
		{"q0.fifo", ``, redrive("dead.fifo"), ""},
		{"q0", ``, redrive("dead.fifo"), "Dead-letter queue must be same type of queue as the source."},
		{"q0.fifo", ``, redrive("dead"), "Dead-letter queue must be same type of queue as the source."},
		{"q0", ``, strings.ReplaceAll(redrive("dead"), "1000", "1001"), "valid values are from 1 to 1000 both inclusive."},
		{"q0", ``, strings.ReplaceAll(redrive("dead"), "1000", "x"), "Invalid value for maxReceiveCount"},
		{"q0", ``, `[]`, "Redrive policy is not a valid JSON map."},
	}
	for _, queue := range []string{"q0", "q0.fifo", "other"} {
		s.create(t, queue)
	}
	for i, tt := range tests {
		s.set(t, "dead", "RedriveAllowPolicy", tt.allow)
		_, err := s.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: tt.queue, Attributes: map[string]string{"RedrivePolicy": tt.redrive}})
		if tt.text == "" {
			must(t, err)
			want(t, fmt.Sprint(i), s.attribute(t, tt.queue, "RedrivePolicy"), tt.redrive)
			continue
		}
		wantError(t, err, "InvalidParameterValueException", tt.text)
	}
	for allow, text := range map[string]string{
		`{"redrivePermission":"byQueue","sourceQueueArns":[` + arns(11) + `]}`: "1 to 10 ARNs",
		`{"redrivePermission":"byQueue"}`:                                      "1 to 10 ARNs",
		`{"redrivePermission":"some"}`:                                         "Invalid value for redrivePermission",
		`[]`:                                                                   "not a valid JSON map",
	} {
		_, err := s.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: "dead", Attributes: map[string]string{"RedriveAllowPolicy": allow}})
		wantError(t, err, "InvalidParameterValueException", text)
	}
}
