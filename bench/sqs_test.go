package bench

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// text is the body of every message: as long as a job's ticket or a small event.
var text = strings.Repeat("errand. ", 32)

// bareSQS responds as a FIFO queue would, always with the same message.
func bareSQS() bare {
	sum := md5.Sum([]byte(text))
	digest := hex.EncodeToString(sum[:])
	const id, sequence = "5fea7756-0ea4-451a-a703-a558b933e274", "11849496460822374400"
	sends := make([]map[string]string, 10)
	for i := range sends {
		sends[i] = map[string]string{"Id": fmt.Sprint(i), "MessageId": id, "MD5OfMessageBody": digest, "SequenceNumber": sequence}
	}
	h := bare{}
	for op, v := range map[string]any{
		"CreateQueue":      map[string]string{"QueueUrl": "http://127.0.0.1/000000000000/q.fifo"},
		"SendMessage":      map[string]string{"MessageId": id, "MD5OfMessageBody": digest, "SequenceNumber": sequence},
		"SendMessageBatch": map[string]any{"Successful": sends},
		"ReceiveMessage": map[string]any{"Messages": []map[string]string{
			{"MessageId": id, "ReceiptHandle": strings.Repeat("h", 52), "MD5OfBody": digest, "Body": text},
		}},
		"DeleteMessage": map[string]string{},
	} {
		body, _ := json.Marshal(v) // strings
		h["AmazonSQS."+op] = answer{"application/x-amz-json-1.0", string(body)}
	}
	return h
}

// A lineup is one queue of one contender.
type lineup struct {
	client *sqs.Client
	url    *string
	sent   atomic.Int64
	turn   int // of filling it; part of the deduplication IDs
}

func newLineup(b testing.TB, cfg aws.Config, name string) *lineup {
	b.Helper()
	return newClient(b, sqs.NewFromConfig(cfg), name)
}

func newClient(b testing.TB, client *sqs.Client, name string) *lineup {
	b.Helper()
	l := &lineup{client: client}
	out, err := l.client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(name), Attributes: map[string]string{
			"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	l.url = out.QueueUrl
	return l
}

// send sends one message, in one of 100 groups.
func (l *lineup) send(int) error {
	n := l.sent.Add(1)
	_, err := l.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: l.url, MessageBody: &text, MessageGroupId: group(n), MessageDeduplicationId: dedup(n),
	})
	return err
}

func group(n int64) *string { return aws.String(fmt.Sprint("group-", n%100)) }
func dedup(n int64) *string { return aws.String(fmt.Sprint("dedup-", n)) }

// sendBatch sends ten.
func (l *lineup) sendBatch(int) error {
	in := &sqs.SendMessageBatchInput{QueueUrl: l.url}
	for i := range 10 {
		n := l.sent.Add(1)
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(fmt.Sprint(i)), MessageBody: &text, MessageGroupId: group(n), MessageDeduplicationId: dedup(n),
		})
	}
	out, err := l.client.SendMessageBatch(ctx, in)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("send: %s", *out.Failed[0].Message)
	}
	return err
}

// cycle sends a message, receives one and deletes that.
func (l *lineup) cycle(worker int) error {
	if err := l.send(worker); err != nil {
		return err
	}
	out, err := l.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: l.url, WaitTimeSeconds: 20})
	if err != nil {
		return err
	}
	if len(out.Messages) != 1 {
		return fmt.Errorf("received %d messages", len(out.Messages))
	}
	_, err = l.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: l.url, ReceiptHandle: out.Messages[0].ReceiptHandle})
	return err
}

// sqsWorkloads are measured for each contender.
var sqsWorkloads = []struct {
	name    string
	workers int
	target  string
	op      func(*lineup) func(worker int) error
}{
	{"send one by one", 1, "", func(l *lineup) func(int) error { return l.send }},
	{"send 16-way", 16, "≥ 0.90", func(l *lineup) func(int) error { return l.send }},
	{"send, receive, delete one by one", 1, "", func(l *lineup) func(int) error { return l.cycle }},
	{"send, receive, delete 16-way", 16, "", func(l *lineup) func(int) error { return l.cycle }},
	{"send batches of 10 16-way", 16, "", func(l *lineup) func(int) error { return l.sendBatch }},
}

func BenchmarkSQS(b *testing.B) {
	for _, w := range sqsWorkloads {
		b.Run(w.name, func(b *testing.B) {
			var subjects []subject
			if w.workers == 1 {
				subjects = append(subjects, fsyncFloor(b, 2*len(text)))
			}
			for i, c := range append(contenders(b, bareSQS(), w.target), boundsOf(b, w.name)...) {
				// A stack that is reached in two ways has a queue for each: in one,
				// the second's sends would be duplicates.
				l := newLineup(b, c.cfg, fmt.Sprintf("q%d.fifo", i))
				subjects = append(subjects, subject{name: c.name, floor: c.floor, target: c.target, op: w.op(l)})
			}
			medians := compare(b, w.workers, subjects...)
			if w.workers == 1 {
				noteFsyncs(b, medians)
			}
			if least, ok := medians[leastDurable]; ok {
				noteRatio(b, "durable, loopback", medians["durable, loopback"], leastDurable, least)
			}
		})
	}
}

const (
	syncedInHandler = "bare, synced before the answer"
	leastDurable    = "the least, durable"
)

// boundsOf returns the handlers that are upper bounds for durable responses over
// loopback: with one caller, a bare one that syncs on its own; with sixteen senders,
// leastSend.
func boundsOf(b testing.TB, workload string) []contender {
	const floor = "bare, loopback"
	switch {
	case strings.HasSuffix(workload, "one by one"):
		return []contender{{syncedInHandler, floor, "", overLoopback(b, newSynced(b, bareSQS()))}}
	case workload == "send 16-way":
		return []contender{{leastDurable, floor, "", overLoopback(b, newLeast(b))}}
	}
	return nil
}

// TestSQSWorkloads runs each workload once.
func TestSQSWorkloads(t *testing.T) {
	for _, w := range sqsWorkloads {
		for _, c := range boundsOf(t, w.name) {
			if err := w.op(newLineup(t, c.cfg, "q.fifo"))(0); err != nil {
				t.Errorf("%s: %s: %v", c.name, w.name, err)
			}
		}
	}
	for i, c := range contenders(t, bareSQS(), "") {
		l := newLineup(t, c.cfg, fmt.Sprintf("q%d.fifo", i))
		for _, w := range sqsWorkloads {
			if err := w.op(l)(0); err != nil {
				t.Errorf("%s: %s: %v", c.name, w.name, err)
			}
		}
	}
}

// noteFsyncs reports how much longer a durable operation takes than a bare one plus
// an fsync. A cycle has three operations.
func noteFsyncs(b *testing.B, rates map[string]float64) {
	syncs := 1.0
	if strings.Contains(b.Name(), "receive") {
		syncs = 3
	}
	synced, durable := 1/rates[syncedInHandler], 1/rates["durable, loopback"]
	note(b, row{
		subject: "time, durable, loopback", value: fmt.Sprintf("%.0f µs", durable*1e6),
		floor: syncedInHandler, ratio: durable / synced, target: "≤ 1.25",
	}, "loopback-time:synced", durable/synced)
	for _, way := range []string{"loopback", "in process"} {
		floor := 1/rates["bare, "+way] + syncs/rates["append and fsync"]
		took := 1 / rates["durable, "+way]
		note(b, row{
			subject: "time, durable, " + way + ", added up", value: fmt.Sprintf("%.0f µs", took*1e6),
			floor: "bare and fsync", ratio: took / floor, target: "≤ 1.25",
		}, metric(way)+"-time:floor", took/floor)
	}
}

func noteRatio(b *testing.B, subject string, rate float64, floor string, of float64) {
	note(b, row{subject: subject + ", of what can be", value: fmt.Sprintf("%.0f/s", rate), floor: floor, ratio: rate / of},
		metric(subject)+":"+metric(floor), rate/of)
}
