package sqs_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// openOn is a stack on any file system. Its owner closes it.
func openOn(t *testing.T, fs vfs.FS, c *clock.Manual, opts ...func(*sqs.Config)) *stack {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	must(t, err)
	cfg := sqs.Config{Config: engine.Config{Store: store, Clock: c, Logf: t.Logf}}
	for _, opt := range opts {
		opt(&cfg)
	}
	e, err := sqs.Open(cfg)
	must(t, err)
	return &stack{Engine: e, clock: c, store: store}
}

// stop is the engine's Close, which the stack's own hides.
func (s *stack) stop() {
	e := s.Engine
	e.Close()
}

func (s *stack) trySend(group, body string) error {
	_, err := s.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q, MessageBody: body, MessageGroupId: &group, MessageDeduplicationId: &body})
	return err
}

// TestDiskFullAtOnce: the disk refuses a write with no warning. What was
// acknowledged is there after a crash with space, in order; what was refused
// may be, since its write may have got through. Without a crash the queue goes on.
func TestDiskFullAtOnce(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var full atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync) {
			return syscall.ENOSPC
		}
		return nil
	}))
	s := openOn(t, fs, clock.NewManual(start))
	s.create(t, q)
	for _, body := range []string{"a", "b", "c"} {
		must(t, s.trySend("g", body))
	}
	first := s.take(t, q, 1)[0]
	full.Store(true)
	for _, err := range []error{s.trySend("g", "d"), s.delete(q, first)} {
		if answer := s.Answer("a write", err, nil); answer == nil || answer.Status != 507 {
			t.Errorf("a write on a full disk: %v", err)
		}
	}
	err := s.trySend("h", "e")
	if err == nil {
		t.Error("a send was acknowledged after the log had failed")
	}
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	full.Store(false)
	must(t, s.store.Applied().WaitThrough())
	must(t, s.delete(q, first))
	want(t, "once there is space", bodies(s.take(t, q, 10)), "b c d")
	s.stop()
	must(t, s.store.Close())

	again := openOn(t, crashed, clock.NewManual(start))
	defer again.store.Close()
	defer again.stop()
	must(t, again.delete(q, first)) // in flight still
	got := bodies(again.take(t, q, 10))
	if !strings.HasPrefix(got, "b c") {
		t.Errorf("after a restart with space: %q, want b and c, and perhaps d and e", got)
	}
	must(t, again.trySend("g", "f"))
}

// A small disk is one that tells how much is free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

// TestDiskNearlyFull: writes are refused with an error that says so, and have
// no effect; the engine goes on, with no restart, once there is space.
func TestDiskNearlyFull(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 40)
	s := openOn(t, disk, clock.NewManual(start))
	defer s.store.Close()
	defer s.stop()
	s.create(t, q)
	must(t, s.trySend("g", "first"))
	disk.free.Store(1 << 20)
	var err error
	for i := 0; i < 1000 && err == nil; i++ { // it looks now and then
		err = s.trySend("h", fmt.Sprint("filler-", i))
	}
	var answer *awswire.Error
	if !errors.As(err, &answer) || answer.Status != 507 || !strings.Contains(answer.Message, "disk is full") {
		t.Fatalf("a send on a full disk: %v", err)
	}
	if err := s.trySend("g", "refused"); err == nil {
		t.Error("a send went through while the disk was full")
	}
	_, err = s.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: "new"})
	wantError(t, err, "InsufficientStorage", "disk is full")
	disk.free.Store(1 << 40)
	s.create(t, "new")
	must(t, s.trySend("g", "second"))
	want(t, "the group", bodies(s.take(t, q, 2)), "first second")
}

// A filler has the disk fill up while a send is under way.
type filler struct {
	sqs.Faults
	fill func()
}

func (f *filler) DeliveryDelay() time.Duration { f.fill(); return 0 }
func (f *filler) ApproximateCount(n int) int   { return n }

// TestDiskFillsUpDuringSend: what was let in is stored; the next is refused.
func TestDiskFillsUpDuringSend(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 40)
	f := &filler{}
	s := openOn(t, disk, clock.NewManual(start), func(c *sqs.Config) { c.Faults = f })
	defer s.store.Close()
	defer s.stop()
	s.create(t, "plain")
	f.fill = func() {
		disk.free.Store(1 << 20)
		for s.store.Writable() == nil {
			b := s.store.NewBatch()
			b.Set(s.store.Space('z'), []byte("k"), nil)
			_, err := b.Apply()
			if err != nil && !errors.Is(err, kv.ErrFull) {
				t.Error(err)
			}
		}
	}
	s.send(t, "plain", "", "let in")
	_, err := s.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: "plain", MessageBody: "refused"})
	wantError(t, err, "InsufficientStorage", "disk is full")
	disk.free.Store(1 << 40)
	want(t, "count", s.attribute(t, "plain", "ApproximateNumberOfMessages"), "1")
}

// fill sends until the disk is seen to be full.
func (s *stack) fill(t *testing.T, disk *smallDisk) {
	t.Helper()
	disk.free.Store(1 << 20)
	for i := 0; s.trySend("h", fmt.Sprint("filler-", i)) == nil; i++ {
		if i == 1000 {
			t.Fatal("the disk doesn't fill up")
		}
	}
}

// TestMoveTaskOnFullDisk: it waits for space and goes on; none is started or
// cancelled meanwhile.
func TestMoveTaskOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &smallDisk{FS: vfs.NewMem()}
		disk.free.Store(1 << 40)
		s := openOn(t, disk, clock.NewManual(start))
		defer s.store.Close()
		defer s.stop()
		s.create(t, q)
		s.deadQueue(t, "dead", "home", "1", "2")
		in := sqs.StartMessageMoveTaskInput{SourceArn: account + "dead", MaxNumberOfMessagesPerSecond: ptr[int32](1)}
		handle := s.move(t, in)
		s.fill(t, disk)
		_, err := s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
		wantError(t, err, "InsufficientStorage", "disk is full")
		_, err = s.StartMessageMoveTask(ctx, &in)
		wantError(t, err, "InsufficientStorage", "disk is full")
		s.clock.Advance(time.Second)
		synctest.Wait()
		disk.free.Store(1 << 40)
		s.clock.Advance(time.Second)
		synctest.Wait()
		task := s.tasks(t, "dead", 1)[0]
		want(t, "task", fmt.Sprint(task.Status, task.ApproximateNumberOfMessagesMoved), "RUNNING2")
		_, err = s.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: handle})
		must(t, err)
	})
}

// TestSweepComesAgain: after a sweep that a full disk refused, and when a standard
// queue gets a message after a sweep that found nothing.
func TestSweepComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &smallDisk{FS: vfs.NewMem()}
		disk.free.Store(1 << 40)
		s := openOn(t, disk, clock.NewManual(start))
		defer s.store.Close()
		defer s.stop()
		round := func() {
			s.clock.Advance(time.Minute)
			synctest.Wait()
		}
		s.create(t, "plain", "MessageRetentionPeriod=60")
		round()
		s.send(t, "plain", "", "expires")
		want(t, "stored", fmt.Sprint(s.stored(t, 'S')), "1")
		round()
		round()
		want(t, "stored", fmt.Sprint(s.stored(t, 'S')), "0")
		s.create(t, q)
		s.fill(t, disk)
		round()
		disk.free.Store(1 << 40)
		for range 11 {
			round()
		}
		want(t, "records of deduplication", fmt.Sprint(s.stored(t, 'R')), "0")
	})
}

// stored is how many records of a kind the store holds.
func (s *stack) stored(t *testing.T, kind byte) (n int) {
	t.Helper()
	must(t, s.store.Space(sqs.Space).Scan([]byte{kind}, []byte{kind + 1}, func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	}))
	return n
}
