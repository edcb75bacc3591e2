package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand/localstack"
)

const (
	smallBacklog = 1000
	portion      = 10_000 // of the large one, between two turns of the small one
)

// largeBacklog is a million, or ERRAND_BENCH_BACKLOG.
func largeBacklog(b *testing.B) int {
	if testing.Short() {
		return 2 * portion
	}
	v := os.Getenv("ERRAND_BENCH_BACKLOG")
	if v == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < portion {
		b.Fatalf("ERRAND_BENCH_BACKLOG=%s: want %d or more", v, portion)
	}
	return n
}

// fill sends n messages, 16 batches of ten at a time, to a tenth as many groups.
func (l *lineup) fill(b *testing.B, n int) {
	b.Helper()
	var wg sync.WaitGroup
	const workers = 16
	for range workers {
		wg.Go(func() {
			for {
				last := l.sent.Add(10)
				if last > int64(n) {
					return
				}
				if err := l.sendTo(last-10, int64(max(n/10, 1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	l.sent.Store(0)
}

func (l *lineup) sendTo(from, groups int64) error {
	in := &sqs.SendMessageBatchInput{QueueUrl: l.url}
	for i := range int64(10) {
		id, name := fmt.Sprint(i), fmt.Sprint("group-", (from+i)%groups)
		dedup := fmt.Sprintf("%d-%d", l.turn, from+i)
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: &id, MessageBody: &text, MessageGroupId: &name, MessageDeduplicationId: &dedup,
		})
	}
	out, err := l.client.SendMessageBatch(ctx, in)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("send: %s", *out.Failed[0].Message)
	}
	return err
}

// drain receives and deletes n messages, ten at a time, with four workers.
func (l *lineup) drain(b *testing.B, n int) (perSecond float64) {
	b.Helper()
	var wg sync.WaitGroup
	begin := time.Now()
	const workers = 4
	for range workers {
		wg.Go(func() {
			for done := 0; done < n/workers; {
				got, err := l.drainBatch()
				if err != nil {
					b.Error(err)
					return
				}
				done += got
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begin).Seconds()
}

func (l *lineup) drainBatch() (int, error) {
	out, err := l.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: l.url, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
	if err != nil || len(out.Messages) == 0 {
		return 1, err // another worker has the last ones
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: l.url}
	for i, m := range out.Messages {
		id := fmt.Sprint(i)
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: m.ReceiptHandle})
	}
	deleted, err := l.client.DeleteMessageBatch(ctx, in)
	if err == nil && len(deleted.Failed) > 0 {
		err = fmt.Errorf("delete: %s", *deleted.Failed[0].Message)
	}
	return len(out.Messages), err
}

// BenchmarkSQSDrain drains a million messages in 100,000 groups, after a restart of
// their stack. In between it drains portions of a backlog of a thousand on another
// stack.
func BenchmarkSQSDrain(b *testing.B) {
	n := largeBacklog(b)
	dir := b.TempDir()
	before := heap()
	large := openStack(b, dir)
	l := newLineup(b, large.AWSConfig(), "q.fifo")
	begin := time.Now()
	l.fill(b, n)
	noteRate(b, fmt.Sprintf("fill to %d", n), float64(n)/time.Since(begin).Seconds())
	note(b, row{subject: fmt.Sprintf("memory for %d", n), value: fmt.Sprintf("%.0f bytes each, on the heap", float64(heap()-before)/float64(n))},
		"bytes/message", float64(heap()-before)/float64(n))
	if err := large.Close(); err != nil {
		b.Fatal(err)
	}
	begin = time.Now()
	large = openStack(b, dir)
	note(b, row{subject: fmt.Sprintf("restart with %d", n), value: time.Since(begin).Round(time.Millisecond).String()}, "restart-s", time.Since(begin).Seconds())
	defer large.Close()
	l.client = sqs.NewFromConfig(large.AWSConfig())
	drainBoth(b, l, n)
}

// drainBoth drains the large backlog to its end.
func drainBoth(b *testing.B, l *lineup, n int) {
	small := newLineup(b, startStack(b, false).AWSConfig(), "q.fifo")
	var largeRates, smallRates []float64
	for range n / portion {
		small.turn++
		small.fill(b, smallBacklog)
		smallRates = append(smallRates, small.drain(b, smallBacklog))
		largeRates = append(largeRates, l.drain(b, portion))
		if b.Failed() {
			return
		}
	}
	noteRate(b, fmt.Sprintf("drain of %d", smallBacklog), median(smallRates))
	ratio := median(ratios(largeRates, smallRates))
	note(b, row{
		subject: fmt.Sprintf("drain of %d", n), value: fmt.Sprintf("%.0f/s; the last portion %.0f/s", median(largeRates), largeRates[len(largeRates)-1]),
		floor: fmt.Sprintf("drain of %d", smallBacklog), ratio: ratio, target: "≥ 0.80",
	}, "large:small", ratio)
}

func noteRate(b *testing.B, subject string, perSecond float64) {
	note(b, row{subject: subject, value: fmt.Sprintf("%.0f/s", perSecond)}, metric(subject)+"/s", perSecond)
}

// openStack is a stack that its caller closes.
func openStack(b *testing.B, dir string) *localstack.Stack {
	b.Helper()
	s, err := localstack.Start(ctx, localstack.Config{
		DataDir: dir, Logf: b.Logf, Credentials: localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"},
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
