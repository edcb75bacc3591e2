package kv_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestCloseSyncsWhatNobodyWaitedFor: an engine that is stopped between Apply
// and Wait leaves nothing half done, and nothing that panics.
func TestCloseSyncsWhatNobodyWaitedFor(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	b := s.NewBatch()
	b.Set(s.Space('x'), []byte("k"), []byte("v"))
	pending, err := b.Apply()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := pending.Wait(); err != nil {
		t.Errorf("Wait after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	after := open(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	defer after.Close()
	if _, ok, err := after.Space('x').Get([]byte("k")); !ok || err != nil {
		t.Errorf("what was applied before Close is gone (%v)", err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := open(t, vfs.NewMem())
	sp, b := s.Space('x'), s.NewBatch()
	b.Set(sp, []byte("k"), nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Apply: %v, want ErrClosed", err)
	}
	if _, _, err := sp.Get([]byte("k")); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Get: %v, want ErrClosed", err)
	}
	if err := sp.Scan(nil, nil, nil); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Scan: %v, want ErrClosed", err)
	}
}

// TestCloseWaitsForCalls: also for one that calls again from inside.
func TestCloseWaitsForCalls(t *testing.T) {
	s := open(t, vfs.NewMem())
	sp, b := s.Space('x'), s.NewBatch()
	b.Set(sp, []byte("a"), nil)
	b.Set(sp, []byte("b"), nil)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	seen := 0
	err := sp.Scan(nil, nil, func(k, _ []byte) (bool, error) {
		if seen++; seen == 1 {
			go func() { closed <- s.Close() }()
		}
		_, _, err := sp.Get(k)
		if errors.Is(err, kv.ErrClosed) { // Close has begun, and waits for the scan
			err = nil
		}
		return true, err
	})
	if err != nil || seen != 2 {
		t.Errorf("a scan during Close saw %d keys: %v", seen, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestWaitWithinCall: a scan that Close waits for may wait for the disk itself.
// Where they wait for each other, the bubble's clock gets to the panic.
func TestWaitWithinCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := time.AfterFunc(time.Hour, func() { panic("the scan and Close wait for each other") })
		defer hang.Stop()
		fs := vfs.NewCrashableMem()
		s := open(t, fs)
		sp := s.Space('x')
		if err := set(s, "a"); err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		err := sp.Scan(nil, nil, func(_, _ []byte) (bool, error) {
			b := s.NewBatch()
			b.Set(sp, []byte("b"), nil)
			pending, err := b.Apply()
			if err != nil {
				return false, err
			}
			go func() { closed <- s.Close() }()
			synctest.Wait() // Close has begun, and waits for the scan
			if _, _, err := sp.Get([]byte("a")); !errors.Is(err, kv.ErrClosed) {
				t.Errorf("a new call while Close waits: %v", err)
			}
			return false, pending.Wait()
		})
		if err != nil {
			t.Errorf("a scan that waits for the disk: %v", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		again := open(t, fs.CrashClone(vfs.CrashCloneCfg{}))
		defer again.Close()
		if !has(t, again, "b") {
			t.Error("what was waited for is gone")
		}
	})
}

// TestCloseUnderLoad closes at any moment of calls of all kinds, nested ones
// too: each ends, and Close does.
func TestCloseUnderLoad(t *testing.T) {
	for round := range 100 {
		s := open(t, vfs.NewMem())
		if err := set(s, "a"); err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				for err := error(nil); err == nil; {
					err = s.Space('x').Scan(nil, nil, func(_, _ []byte) (bool, error) {
						b := s.NewBatch()
						b.Set(s.Space('x'), []byte("b"), nil)
						pending, err := b.Apply()
						if err == nil {
							err = pending.Wait()
						}
						return false, err
					})
					if err != nil && !errors.Is(err, kv.ErrClosed) {
						t.Errorf("round %d: %v", round, err)
					}
				}
			})
		}
		for range round {
			runtime.Gosched()
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		calls.Wait()
	}
}

// TestWaitAfterFailedClose: what Close couldn't sync isn't acknowledged.
func TestWaitAfterFailedClose(t *testing.T) {
	var broken atomic.Bool
	s := open2(t, faulty(vfs.NewMem(), func(op errorfs.Op) error {
		if broken.Load() && isLog(op) && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			return syscall.EIO
		}
		return nil
	}))
	b := s.NewBatch()
	b.Set(s.Space('x'), []byte("k"), nil)
	pending, err := b.Apply()
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close: %v", err)
	}
	if err := pending.Wait(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Wait after Close: %v", err)
	}
}
