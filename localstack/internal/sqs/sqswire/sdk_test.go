package sqswire_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
	"github.com/errandhq/errand/localstack/internal/sqs/sqswire"
)

var ctx = context.Background()

// serve runs an engine behind a server on loopback.
func serve(t testing.TB) (url string, c *clock.Manual) {
	return serveWrapped(t, func(h http.Handler) http.Handler { return h })
}

func serveWrapped(t testing.TB, wrap func(http.Handler) http.Handler) (url string, c *clock.Manual) {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	c = clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	e, err := sqs.Open(sqs.Config{Config: engine.Config{Store: store, Clock: c, Logf: t.Logf}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(wrap(sqswire.New(e)))
	t.Cleanup(func() {
		e.Close()
		srv.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv.URL, c
}

func client(url string) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: aws.NopRetryer{},
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSDKCycle(t *testing.T) {
	url, clk := serve(t)
	c := client(url)
	created, err := c.CreateQueue(ctx, &awssqs.CreateQueueInput{
		QueueName: aws.String("q.fifo"), Attributes: map[string]string{"FifoQueue": "true"}, Tags: map[string]string{"team": "x"},
	})
	must(t, err)
	if want := url + "/000000000000/q.fifo"; *created.QueueUrl != want {
		t.Errorf("queue URL %s, want %s", *created.QueueUrl, want)
	}
	q := created.QueueUrl
	sent, err := c.SendMessage(ctx, &awssqs.SendMessageInput{
		QueueUrl: q, MessageBody: aws.String("hi\r\n☃"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"bin": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}}, "str": {DataType: aws.String("String.x"), StringValue: aws.String("v")},
		},
	})
	must(t, err) // the SDK checks the body's MD5
	if len(*sent.SequenceNumber) != 20 || sent.MD5OfMessageAttributes == nil {
		t.Errorf("sequence number %s, attributes' MD5 %v", *sent.SequenceNumber, sent.MD5OfMessageAttributes)
	}
	batch, err := c.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: q, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("1"), MessageBody: aws.String("two"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("2")},
		{Id: aws.String("2"), MessageBody: aws.String("three"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("3"), DelaySeconds: 1},
	}})
	must(t, err)
	if len(batch.Successful) != 1 || len(batch.Failed) != 1 || *batch.Failed[0].Code != "InvalidParameterValue" {
		t.Errorf("batch: %+v", batch)
	}
	got, err := c.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: q, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, ReceiveRequestAttemptId: aws.String("a"),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	must(t, err)
	if len(got.Messages) != 2 || *got.Messages[0].Body != "hi\r\n☃" || *got.Messages[1].Body != "two" {
		t.Fatalf("received %+v", got.Messages)
	}
	m := got.Messages[0]
	if string(m.MessageAttributes["bin"].BinaryValue) != "\x00\xff" || m.Attributes["MessageGroupId"] != "g" || m.Attributes["SequenceNumber"] != *sent.SequenceNumber {
		t.Errorf("attributes %v, %v", m.MessageAttributes, m.Attributes)
	}
	_, err = c.ChangeMessageVisibility(ctx, &awssqs.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 60})
	must(t, err)
	deleted, err := c.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: q, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: m.ReceiptHandle}, {Id: aws.String("b"), ReceiptHandle: aws.String("junk")},
	}})
	must(t, err)
	if len(deleted.Successful) != 1 || len(deleted.Failed) != 1 || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("delete batch: %+v", deleted)
	}
	clk.Advance(30 * time.Second)
	_, err = c.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: got.Messages[1].ReceiptHandle})
	wantCode(t, err, "InvalidParameterValue", "The receipt handle has expired.")
	attributes, err := c.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"All"}})
	must(t, err)
	if n := attributes.Attributes["ApproximateNumberOfMessages"]; n != "1" {
		t.Errorf("%s messages left, want 1", n)
	}
	tags, err := c.ListQueueTags(ctx, &awssqs.ListQueueTagsInput{QueueUrl: q})
	must(t, err)
	if tags.Tags["team"] != "x" {
		t.Errorf("tags given at creation: %v", tags.Tags)
	}
}

func wantCode(t testing.TB, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("got %v, want %s: %s", err, code, text)
	}
}

// TestSDKErrors checks that the SDK knows our errors, by type and by the codes
// that it takes from the query error header.
func TestSDKErrors(t *testing.T) {
	url, _ := serve(t)
	c := client(url)
	none := aws.String(url + "/000000000000/none")
	_, err := c.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: none, MessageBody: aws.String("x")})
	var noQueue *types.QueueDoesNotExist
	if !errors.As(err, &noQueue) {
		t.Errorf("got %T %v, want QueueDoesNotExist", err, err)
	}
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	q, err := c.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("x")})
	must(t, err)
	_, err = c.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: q.QueueUrl, Entries: []types.SendMessageBatchRequestEntry{}})
	var empty *types.EmptyBatchRequest
	if !errors.As(err, &empty) {
		t.Errorf("got %v, want EmptyBatchRequest", err)
	}
	for range 2 {
		_, err = c.PurgeQueue(ctx, &awssqs.PurgeQueueInput{QueueUrl: q.QueueUrl})
	}
	wantCode(t, err, "AWS.SimpleQueueService.PurgeQueueInProgress", "Only one PurgeQueue operation on x is allowed every 60 seconds.")
}

func TestSDKLongPoll(t *testing.T) {
	url, _ := serve(t)
	c := client(url)
	q, err := c.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("x")})
	must(t, err)
	got := make(chan *awssqs.ReceiveMessageOutput, 1)
	go func() {
		out, err := c.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 20})
		if err != nil {
			t.Error(err)
		}
		got <- out
	}()
	_, err = c.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("x")})
	must(t, err)
	if out := <-got; len(out.Messages) != 1 {
		t.Errorf("the poll came back with %d messages", len(out.Messages))
	}
}

// TestCallerThatLeaves cancels a poll that the server holds: what is sent then
// is for the next.
func TestCallerThatLeaves(t *testing.T) {
	begun, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	url, _ := serveWrapped(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begun <- struct{}{}
			h.ServeHTTP(w, r)
			ended <- struct{}{}
		})
	})
	c := client(url)
	q, err := c.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("x")})
	must(t, err)
	<-begun
	<-ended
	leaving, leave := context.WithCancel(ctx)
	go func() {
		<-begun
		leave()
	}()
	if _, err := c.ReceiveMessage(leaving, &awssqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 20}); err == nil {
		t.Error("a cancelled poll gave no error")
	}
	<-ended // the server has noticed
	_, err = c.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("x")})
	must(t, err)
	out, err := c.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: q.QueueUrl})
	must(t, err)
	if len(out.Messages) != 1 {
		t.Error("the caller that left has taken the message")
	}
}
