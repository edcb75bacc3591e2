package sqs_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// fillQueue sends n messages into n/10 groups.
func fillQueue(t testing.TB, s *stack, queue string, from, n int) {
	t.Helper()
	fillWith(t, s, queue, from, n, "")
}

// fillWith is fillQueue with bodies that end as given.
func fillWith(t testing.TB, s *stack, queue string, from, n int, end string) {
	t.Helper()
	for i := from; i < from+n; i += 10 {
		in := sqs.SendMessageBatchInput{QueueUrl: queue}
		for j := range 10 {
			id := fmt.Sprintf("m%07d", i+j)
			group := fmt.Sprintf("group-%07d", (i+j)%max(n/10, 1))
			in.Entries = append(in.Entries, sqs.SendMessageBatchRequestEntry{
				Id: fmt.Sprint(j), MessageBody: id + end, MessageGroupId: &group, MessageDeduplicationId: &id,
			})
		}
		out, err := s.SendMessageBatch(ctx, &in)
		if err != nil || len(out.Failed) > 0 {
			t.Fatalf("send: %v %v", err, out.Failed)
		}
	}
}

// costs are what each operation asks of the store, in the state that it is in.
func costs(t *testing.T, s *stack, name string) map[string]kv.Counts {
	t.Helper()
	c := map[string]kv.Counts{}
	count := func(op string, f func()) {
		before := s.store.Counts()
		f()
		after := s.store.Counts()
		c[op] = kv.Counts{
			Gets: after.Gets - before.Gets, Steps: after.Steps - before.Steps,
			Writes: after.Writes - before.Writes, Batches: after.Batches - before.Batches,
		}
	}
	var got []sqs.Message
	count("send", func() { s.send(t, q, "extra", "extra-"+name) })
	count("receive", func() { got = s.take(t, q, 1) })
	count("change visibility", func() { must(t, s.hide(q, got[0], 10)) })
	count("delete", func() { must(t, s.delete(q, got[0])) })
	count("receive ten", func() { got = s.take(t, q, 10) })
	count("count", func() { s.attribute(t, q, "ApproximateNumberOfMessages") })
	return c
}

// TestCostsAreFlat: what an operation reads and writes doesn't depend on the
// backlog, on the number of groups, or on what was deleted before.
func TestCostsAreFlat(t *testing.T) {
	t.Parallel()
	small, large := newStack(t), newStack(t)
	small.create(t, q)
	large.create(t, q)
	fillQueue(t, small, q, 0, 100)
	fillQueue(t, large, q, 0, 10_000)
	want := costs(t, small, "a")
	compare := func(state string, got map[string]kv.Counts) {
		t.Helper()
		for op, w := range want {
			if got[op] != w {
				t.Errorf("%s, %s: %+v, but %+v with 100 messages", op, state, got[op], w)
			}
		}
	}
	compare("10,000 messages", costs(t, large, "b"))
	for range 900 {
		for _, m := range large.take(t, q, 10) {
			must(t, large.delete(q, m))
		}
	}
	compare("9,000 of 10,000 deleted", costs(t, large, "c"))
	for _, op := range []string{"send", "receive", "delete"} {
		t.Logf("%s: %+v", op, want[op])
	}
}

// TestForgettingIsFlat: expired records are deleted by range, at the same cost for
// many as for few.
func TestForgettingIsFlat(t *testing.T) {
	t.Parallel()
	forget := func(n int) (cost kv.Counts) {
		s := newStack(t)
		s.create(t, q)
		fillQueue(t, s, q, 0, n)
		if got := s.remembered(t); got != n {
			t.Fatalf("%d records of %d sends", got, n)
		}
		before := s.store.Counts()
		for range 11 { // two windows: the records of the second half of one are kept as long as the next
			s.clock.Advance(time.Minute)
			s.Sweep()
		}
		if got := s.remembered(t); got != 0 {
			t.Errorf("%d of %d records are left", got, n)
		}
		after := s.store.Counts()
		return kv.Counts{Gets: after.Gets - before.Gets, Writes: after.Writes - before.Writes}
	}
	few, many := forget(1000), forget(8000)
	t.Logf("1,000 records: %+v", few)
	if few != many || few.Writes == 0 {
		t.Errorf("forgetting 1,000 records took %+v, and 8,000 %+v", few, many)
	}
}

// remembered is how many deduplication IDs and attempts the store has.
func (s *stack) remembered(t *testing.T) (n int) {
	t.Helper()
	must(t, s.store.Space(sqs.Space).Scan([]byte{'R'}, []byte{'S'}, func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	}))
	return n
}

// TestExpiryOfManyAtOnce: no single operation deletes all expired messages, and none
// of them is received.
func TestExpiryOfManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.create(t, q, "MessageRetentionPeriod=60")
	const n = 5000
	fillQueue(t, s, q, 0, n)
	s.clock.Advance(2 * time.Minute)
	before := s.store.Counts()
	s.send(t, q, "g", "new")
	if w := s.store.Counts().Writes - before.Writes; w > 5000 { // the sweep may run
		t.Errorf("a send after %d messages had expired wrote %d keys", n, w)
	}
	want(t, "ApproximateNumberOfMessages", s.attribute(t, q, "ApproximateNumberOfMessages"), "1")
	want(t, "received", bodies(s.take(t, q, 10)), "new")
	s.restart(t)
	want(t, "ApproximateNumberOfMessagesNotVisible", s.attribute(t, q, "ApproximateNumberOfMessagesNotVisible"), "1")
	want(t, "ApproximateNumberOfMessages", s.attribute(t, q, "ApproximateNumberOfMessages"), "0")
}

// onDisk is a stack whose files aren't in the heap.
func onDisk(t testing.TB) *stack {
	t.Helper()
	store, err := kv.Open(t.TempDir(), kv.Options{NoSync: true, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewManual(start)
	e, err := sqs.Open(sqs.Config{Config: engine.Config{Store: store, Clock: c, Logf: t.Logf}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		must(t, store.Close())
	})
	return &stack{Engine: e, clock: c, store: store}
}

// inUse is what the heap and the stacks hold, in bytes.
func inUse() (heap, stacks int64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// TestMemoryPerMessage: bodies are only on disk. A message takes 8 bytes of memory
// plus slack; with its share of a group of ten, about 20. The store's own memory is
// added, and bounded: that is why the test looks at the sum.
func TestMemoryPerMessage(t *testing.T) {
	s := onDisk(t)
	s.create(t, q)
	// Large ones: the store's own, its memtables above all, is up to 25 MB.
	body := strings.Repeat("errand. ", 2048)
	fillWith(t, s, q, 0, 10, body) // what is there once
	const n = 6000
	before, _ := inUse()
	fillWith(t, s, q, 10, n, body)
	after, _ := inUse()
	t.Logf("%d messages of %d bytes take %d bytes of memory", n, len(body), after-before)
	if after-before > int64(n*len(body)/2) {
		t.Errorf("%d messages of %d bytes take %d bytes of memory", n, len(body), after-before)
	}
}

// TestIdlePolls: a waiting poll takes its caller's goroutine and nothing else.
func TestIdlePolls(t *testing.T) {
	s := newStack(t)
	s.create(t, q)
	const n = 10_000
	before, counts := runtime.NumGoroutine(), s.store.Counts()
	heap, stacks := inUse()
	until, cancel := context.WithCancel(ctx)
	var polls sync.WaitGroup
	for range n {
		polls.Go(func() {
			out, err := s.ReceiveMessage(until, &sqs.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: ptr[int32](20)})
			if err == nil && len(out.Messages) > 0 {
				t.Errorf("received %q", bodies(out.Messages))
			}
		})
	}
	for s.Parked(q) < n {
		runtime.Gosched()
	}
	if now := runtime.NumGoroutine(); now > before+n {
		t.Errorf("%d goroutines for %d polls", now-before, n)
	}
	if now := s.store.Counts(); now != counts {
		t.Errorf("waiting polls used the store: %+v, then %+v", counts, now)
	}
	heapNow, stacksNow := inUse()
	each := float64(heapNow-heap+stacksNow-stacks) / n
	t.Logf("%.0f bytes for each poll", each)
	if each > 16<<10 {
		t.Errorf("a waiting poll takes %.0f bytes", each)
	}
	cancel()
	polls.Wait()
}
