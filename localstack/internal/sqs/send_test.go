package sqs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

func TestSendRefuses(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	s.create(t, "small", "MaximumMessageSize=1024")
	g := ptr("g")
	text := func(kind, value string) map[string]sqs.MessageAttributeValue {
		return map[string]sqs.MessageAttributeValue{"n": {DataType: kind, StringValue: &value}}
	}
	const invalid = "InvalidParameterValueException"
	tests := []struct {
		in         sqs.SendMessageInput
		code, text string
	}{
		{sqs.SendMessageInput{QueueUrl: "none", MessageBody: "x"}, "QueueDoesNotExist", "The specified queue does not exist."},
		{sqs.SendMessageInput{QueueUrl: "http://here/111111111111/small", MessageBody: "x"}, "QueueDoesNotExist", ""},
		{sqs.SendMessageInput{MessageBody: "x"}, "MissingRequiredParameterException", "The request must contain the parameter QueueUrl."},
		{sqs.SendMessageInput{QueueUrl: "small"}, "MissingRequiredParameterException", "The request must contain the parameter MessageBody."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "a\x01"}, "InvalidMessageContents", "Invalid characters found."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "a\uFFFE"}, "InvalidMessageContents", ""},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: strings.Repeat("a", 1025)}, invalid, "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: strings.Repeat("a", 1020), MessageAttributes: text("String", "abc")}, invalid, "shorter than 1024 bytes"},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", DelaySeconds: ptr[int32](901)}, invalid, "DelaySeconds"},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageDeduplicationId: g}, invalid, "Value g for parameter MessageDeduplicationId is invalid."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageGroupId: ptr("")}, invalid, "Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageAttributes: text("Text", "abc")}, invalid, "message attribute type"},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageAttributes: text("Number", "1e")}, invalid, "number"},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageAttributes: text("String", "")}, invalid, "Message (user) attribute 'n' must contain a non-empty value of type 'String'."},
		{sqs.SendMessageInput{QueueUrl: "small", MessageBody: "x", MessageSystemAttributes: text("String", "x")}, invalid, "system attribute"},
		{sqs.SendMessageInput{QueueUrl: q, MessageBody: "x", MessageDeduplicationId: g}, "MissingRequiredParameterException", "The request must contain the parameter MessageGroupId."},
		{sqs.SendMessageInput{QueueUrl: q, MessageBody: "x", MessageGroupId: g}, invalid, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
		{sqs.SendMessageInput{QueueUrl: q, MessageBody: "x", MessageGroupId: g, MessageDeduplicationId: g, DelaySeconds: ptr[int32](2)}, invalid, "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{sqs.SendMessageInput{QueueUrl: q, MessageBody: "x", MessageGroupId: ptr("a b"), MessageDeduplicationId: g}, invalid, "Value a b for parameter MessageGroupId is invalid."},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			_, err := s.SendMessage(ctx, &tt.in)
			wantError(t, err, tt.code, tt.text)
		})
	}
	for _, queue := range []string{q, "small"} {
		want(t, "nothing was sent to "+queue, s.attribute(t, queue, "ApproximateNumberOfMessages"), "0")
	}
}

func TestBatchRules(t *testing.T) {
	s := newStack(t)
	s.create(t, "x")
	s.create(t, q)
	entries := func(n int, body string) (list []sqs.SendMessageBatchRequestEntry) {
		for i := range n {
			list = append(list, sqs.SendMessageBatchRequestEntry{Id: fmt.Sprint(i), MessageBody: body})
		}
		return list
	}
	renamed := func(id string) []sqs.SendMessageBatchRequestEntry {
		list := entries(2, "x")
		list[0].Id = id
		return list
	}
	tests := []struct {
		queue      string
		entries    []sqs.SendMessageBatchRequestEntry
		code, text string
	}{
		{"x", nil, "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."},
		{"x", entries(20, "x"), "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20."},
		{"x", renamed("a b"), "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters"},
		{"x", renamed("1"), "BatchEntryIdsNotDistinct", "Id 1 repeated."},
		{"x", entries(2, strings.Repeat("a", 524_289)), "BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes."},
		{q, entries(1, "x"), "InvalidParameterValueException", "The queue should either have ContentBasedDeduplication enabled"},
	}
	for _, tt := range tests {
		_, err := s.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: tt.queue, Entries: tt.entries})
		wantError(t, err, tt.code, tt.text)
	}
	mixed := entries(3, "ok")
	mixed[1].MessageBody = "bad \x00"
	out, err := s.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: "x", Entries: mixed})
	must(t, err)
	if len(out.Successful) != 2 || len(out.Failed) != 1 || out.Failed[0].Id != "1" || out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
		t.Errorf("a bad entry among good: %+v", out)
	}
	want(t, "the good are there", bodies(s.take(t, "x", 10)), "ok ok")
}

// The sums are the developer guide's algorithm, computed with another program.
func TestMessageAttributes(t *testing.T) {
	s := newStack(t)
	s.create(t, "x")
	in := sqs.SendMessageInput{QueueUrl: "x", MessageBody: "hello", MessageAttributes: map[string]sqs.MessageAttributeValue{
		"b": {DataType: "Binary", BinaryValue: []byte{1, 2}}, "a.1": {DataType: "String", StringValue: ptr("v")}, "a.2": {DataType: "Number.int", StringValue: ptr("-1.5e3")},
	}, MessageSystemAttributes: map[string]sqs.MessageAttributeValue{"AWSTraceHeader": {DataType: "String", StringValue: ptr("Root=1")}}}
	out, err := s.SendMessage(ctx, &in)
	must(t, err)
	want(t, "body", out.MD5OfMessageBody, "5d41402abc4b2a76b9719d911017c592")
	want(t, "attributes", out.MD5OfMessageAttributes, "19578f08bbbd0c425c0f25e6a663ec24")
	want(t, "system attributes", out.MD5OfMessageSystemAttributes, "d6619b3d47b81d3fc72c0db005a70eda")
	receive := func(names ...string) sqs.Message {
		return s.receive(t, sqs.ReceiveMessageInput{QueueUrl: "x", MessageAttributeNames: names, MessageSystemAttributeNames: []string{"AWSTraceHeader"}, VisibilityTimeout: ptr[int32](0)})[0]
	}
	all := receive("All")
	want(t, "received attributes", all.MD5OfMessageAttributes, out.MD5OfMessageAttributes)
	want(t, "trace", fmt.Sprint(all.Attributes), "map[AWSTraceHeader:Root=1]")
	if some := receive("a.*"); len(some.MessageAttributes) != 2 || *some.MessageAttributes["a.1"].StringValue != "v" {
		t.Errorf("by prefix: %v", some.MessageAttributes)
	}
	if none := receive(); none.MessageAttributes != nil || none.MD5OfMessageAttributes != "" {
		t.Errorf("unasked: %v", none.MessageAttributes)
	}
}
