package kv_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

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

// TestWaitAfterFailedClose: what Close couldn't sync isn't told as stored.
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
