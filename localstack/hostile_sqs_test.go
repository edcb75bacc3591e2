package localstack

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// TestHostileFIFO: groups are shuffled against each other, receives come back
// empty, answers are lost; yet each message comes out, once, in its group's order.
func TestHostileFIFO(t *testing.T) {
	w := startHostile(t, 1)
	ctx := t.Context()
	url := w.queue("q.fifo", map[string]string{"FifoQueue": "true"})
	const groups, each = 8, 12
	for i := range each {
		for g := range groups {
			_, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{
				QueueUrl: url, MessageBody: aws.String(strconv.Itoa(i)),
				MessageGroupId: aws.String(fmt.Sprint("g", g)), MessageDeduplicationId: aws.String(fmt.Sprintf("%d-%d", g, i)),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	next := map[string]int{}
	var order []string
	empty, got := 0, 0
	for got < groups*each {
		out := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: url, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"MessageGroupId"},
			// Where the answer is lost, this gives the same again.
			ReceiveRequestAttemptId: aws.String(fmt.Sprint("attempt", got, "-", empty)),
		}))
		if len(out.Messages) == 0 {
			if empty++; empty > 10_000 {
				t.Fatal("the queue never gives its messages out")
			}
			continue
		}
		m := out.Messages[0]
		g := m.Attributes["MessageGroupId"]
		if want := strconv.Itoa(next[g]); *m.Body != want {
			t.Fatalf("group %s: message %s came, want %s", g, *m.Body, want)
		}
		next[g]++
		got++
		order = append(order, g)
		// What was deleted and whose answer was lost is deleted.
		if _, err := w.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
	}
	if empty == 0 {
		t.Error("no receive came back empty")
	}
	if slices.Equal(order, slices.Repeat(order[:groups], each)) {
		t.Errorf("the groups take turns as if nothing were the matter: %v", order)
	}
	w.clock.Advance(13 * time.Hour)
	last := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10}))
	if len(last.Messages) > 0 {
		t.Errorf("%d messages came again", len(last.Messages))
	}
	w.seen(of("sqs", "empty", "passed")...)
}

// TestHostileStandard: messages come twice and late, counts are off; none is lost.
func TestHostileStandard(t *testing.T) {
	w := startHostile(t, 2)
	ctx := t.Context()
	url := w.queue("q", nil)
	const n = 100
	for i := range n {
		if _, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	off := false
	for range 30 {
		out := must[*sqs.GetQueueAttributesOutput](t)(w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible},
		}))
		off = off || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0"
	}
	if !off {
		t.Error("the approximate count is exact")
	}
	times := map[string]int{}
	for range 2000 { // 40 s
		out := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 20}))
		for _, m := range out.Messages {
			times[*m.Body]++
		}
		w.clock.Advance(20 * time.Millisecond)
	}
	if len(times) != n {
		t.Errorf("%d of %d messages came", len(times), n)
	}
	if slices.Max(slices.Collect(maps.Values(times))) < 2 {
		t.Error("no message came twice")
	}
	w.seen("sqs.duplicate", "sqs.late", "sqs.miscount")
}

// TestThrottledQuery: the older protocol has the same errors.
func TestThrottledQuery(t *testing.T) {
	s := start(t, Config{NoAuth: true, Hostile: hostileOf(func(h *Hostile) { h.SQS.Throttled = 1 })})
	r := httptest.NewRequest("POST", "/", strings.NewReader("Action=ListQueues"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	code, body := get(t, s.Edge(), r)
	if code != http.StatusForbidden && code != http.StatusBadRequest || !strings.Contains(body, "<Code>RequestThrottled</Code>") && !strings.Contains(body, "<Code>ThrottlingException</Code>") {
		t.Errorf("%d %s", code, body)
	}
}
