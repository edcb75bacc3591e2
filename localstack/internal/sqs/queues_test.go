package sqs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

func TestCreateQueueAgain(t *testing.T) {
	s := newStack(t)
	create := func(attributes map[string]string) (string, error) {
		out, err := s.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: "x", Attributes: attributes})
		if err != nil {
			return "", err
		}
		return out.QueueUrl, nil
	}
	url, err := create(map[string]string{"DelaySeconds": "1"})
	must(t, err)
	want(t, "URL", url, "http://here/000000000000/x")
	for _, same := range []map[string]string{nil, {"DelaySeconds": "1"}, {"VisibilityTimeout": "30"}} {
		again, err := create(same)
		must(t, err)
		want(t, "same URL", again, url)
	}
	_, err = create(map[string]string{"DelaySeconds": "2"})
	wantError(t, err, "QueueNameExists", "A queue already exists with the same name and a different value for attribute DelaySeconds")
	_, err = s.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: url})
	must(t, err)
	s.restart(t)
	_, err = create(nil)
	wantError(t, err, "QueueDeletedRecently", "You must wait 60 seconds")
	s.clock.Advance(time.Minute)
	_, err = create(nil)
	must(t, err)
}

func TestCreateQueueRefuses(t *testing.T) {
	tests := []struct{ name, attribute, code, text string }{
		{"a.fifo", "", "InvalidParameterValueException", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
		{"a", "FifoQueue=true", "InvalidParameterValueException", "must end with .fifo suffix"},
		{"a b", "", "InvalidParameterValueException", "Can only include"},
		{strings.Repeat("a", 81), "", "InvalidParameterValueException", "Can only include"},
		{"a", "FifoQueue=false", "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{"a", "ContentBasedDeduplication=true", "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."},
		{"a", "DeduplicationScope=queue", "InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."},
		{"a", "FifoThroughputLimit=perQueue", "InvalidAttributeName", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."},
		{"a", "VisibilityTimeout=43201", "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout."},
		{"a", "MaximumMessageSize=1023", "InvalidAttributeValue", "MaximumMessageSize"},
		{"a", "MessageRetentionPeriod=59", "InvalidAttributeValue", "MessageRetentionPeriod"},
		{"a", "DelaySeconds=901", "InvalidAttributeValue", "DelaySeconds"},
		{"a", "ReceiveMessageWaitTimeSeconds=x", "InvalidAttributeValue", "ReceiveMessageWaitTimeSeconds"},
		{"a", "QueueArn=x", "InvalidAttributeName", "Unknown Attribute QueueArn."},
		{"a", `RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:no","maxReceiveCount":1}`, "InvalidParameterValueException", "Dead letter target does not exist."},
		{"a", `RedrivePolicy={"deadLetterTargetArn":"dummy","maxReceiveCount":1}`, "InvalidParameterValueException", "Invalid value for deadLetterTargetArn."},
		{"a", "KmsMasterKeyId=k SqsManagedSseEnabled=True", "InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."},
		{"a.fifo", "FifoQueue=true FifoThroughputLimit=perMessageGroupId", "InvalidAttributeValue", "perMessageGroupId is allowed only when DeduplicationScope is messageGroup."},
		{"a.fifo", "FifoQueue=true DeduplicationScope=group", "InvalidAttributeValue", "Invalid value for the parameter DeduplicationScope."},
		{"a", "Policy={", "InvalidAttributeValue", "Invalid value for the parameter Policy."},
		{"a", `RedrivePolicy={"maxReceiveCount":1}`, "InvalidParameterValueException", "deadLetterTargetArn"},
	}
	s := newStack(t)
	for _, tt := range tests {
		in := sqs.CreateQueueInput{QueueName: tt.name, Attributes: map[string]string{}}
		for attribute := range strings.FieldsSeq(tt.attribute) {
			k, v, _ := strings.Cut(attribute, "=")
			in.Attributes[k] = v
		}
		_, err := s.CreateQueue(ctx, &in)
		wantError(t, err, tt.code, tt.text)
	}
}

func TestQueueAttributes(t *testing.T) {
	s := newStack(t)
	s.create(t, q, "MessageRetentionPeriod=60")
	s.clock.Advance(time.Second)
	s.set(t, q, "VisibilityTimeout", "7")
	s.restart(t)
	out, err := s.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []string{"All"}})
	must(t, err)
	wanted := map[string]string{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
		"ContentBasedDeduplication": "false", "CreatedTimestamp": fmt.Sprint(start.Unix()), "DeduplicationScope": "queue", "DelaySeconds": "0",
		"FifoQueue": "true", "FifoThroughputLimit": "perQueue", "LastModifiedTimestamp": fmt.Sprint(start.Unix() + 1), "MaximumMessageSize": "1048576",
		"MessageRetentionPeriod": "60", "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q.fifo", "ReceiveMessageWaitTimeSeconds": "0",
		"SqsManagedSseEnabled": "true", "VisibilityTimeout": "7",
	}
	if d := cmp.Diff(wanted, out.Attributes); d != "" {
		t.Error(d)
	}
	out, err = s.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: q})
	must(t, err)
	if len(out.Attributes) != 0 {
		t.Errorf("no names gave %v", out.Attributes)
	}
	_, err = s.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []string{"Nope"}})
	wantError(t, err, "InvalidAttributeName", "Unknown Attribute Nope.")
}

func TestListQueuesAndRegions(t *testing.T) {
	s := newStack(t)
	for _, name := range []string{"b1", "a2", "a1", "a3"} {
		s.create(t, name)
	}
	list := func(region, prefix string, limit *int32, token string) (string, string) {
		out, err := s.ListQueues(caller(region, "x"), &sqs.ListQueuesInput{QueueNamePrefix: prefix, MaxResults: limit, NextToken: token})
		must(t, err)
		return strings.ReplaceAll(strings.Join(out.QueueUrls, " "), "x/000000000000/", ""), out.NextToken
	}
	all, token := list("us-east-1", "", nil, "")
	want(t, "all", all+token, "a1 a2 a3 b1")
	page, token := list("us-east-1", "a", ptr[int32](2), "")
	want(t, "page", page, "a1 a2")
	page, token = list("us-east-1", "a", ptr[int32](2), token)
	want(t, "next page", page+token, "a3")
	other, _ := list("eu-west-1", "", nil, "")
	want(t, "another region", other, "")
	_, err := s.GetQueueUrl(caller("eu-west-1", ""), &sqs.GetQueueUrlInput{QueueName: "a1"})
	wantError(t, err, "QueueDoesNotExist", "The specified queue does not exist.")
}

// A queue's URL says its region, but for the default one's; the host can't,
// since it is what the caller used.
func TestQueueURLs(t *testing.T) {
	s := newStack(t)
	at := caller("eu-west-1", "http://here")
	made, err := s.CreateQueue(at, &sqs.CreateQueueInput{QueueName: "x"})
	must(t, err)
	want(t, "URL", made.QueueUrl, "http://here/queue/eu-west-1/000000000000/x")
	s.create(t, "x")
	tests := []struct {
		url    string
		ctx    context.Context
		region string // of the queue that is meant
		code   string
	}{
		{"http://here/queue/eu-west-1/000000000000/x", at, "eu-west-1", ""},
		{"https://other:1/000000000000/x", at, "eu-west-1", ""},
		{"/000000000000/x/", at, "eu-west-1", ""},
		{"x", at, "eu-west-1", ""},
		{"http://here/000000000000/x", ctx, "us-east-1", ""},
		{"http://here/queue/eu-west-1/000000000000/x", ctx, "", "InvalidAddress"},
		{"http://here/111111111111/x", ctx, "", "QueueDoesNotExist"},
		{"http://here/x", ctx, "", "QueueDoesNotExist"},
		{"http://%zz/000000000000/x", ctx, "", "QueueDoesNotExist"},
		{"y", ctx, "", "QueueDoesNotExist"},
		{"", ctx, "", "MissingRequiredParameterException"},
	}
	for _, tt := range tests {
		out, err := s.GetQueueAttributes(tt.ctx, &sqs.GetQueueAttributesInput{QueueUrl: tt.url, AttributeNames: []string{"QueueArn"}})
		if tt.code != "" {
			wantError(t, err, tt.code, "")
			continue
		}
		must(t, err)
		want(t, tt.url, out.Attributes["QueueArn"], "arn:aws:sqs:"+tt.region+":000000000000:x")
	}
}

func TestTagsAndPermissions(t *testing.T) {
	s := newStack(t)
	s.create(t, "x")
	_, err := s.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: "x", Tags: map[string]string{"a": "1", "b": "2"}})
	must(t, err)
	_, err = s.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: "x", TagKeys: []string{"a"}})
	must(t, err)
	s.restart(t)
	tags, err := s.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: "x"})
	must(t, err)
	want(t, "tags", fmt.Sprint(tags.Tags), "map[b:2]")

	allow := &sqs.AddPermissionInput{QueueUrl: "x", Label: "l", AWSAccountIds: []string{"1"}, Actions: []string{"SendMessage"}}
	_, err = s.AddPermission(ctx, allow)
	must(t, err)
	_, err = s.AddPermission(ctx, allow)
	wantError(t, err, "InvalidParameterValueException", "Value l for parameter Label is invalid. Reason: Already exists.")
	want(t, "policy", s.attribute(t, "x", "Policy"), `{"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:x/SQSDefaultPolicy","Statement":[{"Sid":"l","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"SQS:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:x"}]}`)
	_, err = s.RemovePermission(ctx, &sqs.RemovePermissionInput{QueueUrl: "x", Label: "l"})
	must(t, err)
	want(t, "policy", s.attribute(t, "x", "Policy"), "")
	_, err = s.RemovePermission(ctx, &sqs.RemovePermissionInput{QueueUrl: "x", Label: "l"})
	wantError(t, err, "InvalidParameterValueException", "can't find label.")
}
