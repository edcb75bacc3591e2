package kv

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/localstack/internal/gate"
)

// TestSyncsAreShared: callers that come while a sync is under way wait for one
// more, together; a caller isn't answered after a sync that began before its call.
func TestSyncsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		release := make(chan struct{})
		y := syncer{gate: gate.New(), sync: func() error {
			syncs.Add(1)
			<-release
			return nil
		}}
		var returned atomic.Int64
		for range 100 {
			go func() {
				if err := y.wait(y.applied.Add(1), nil); err != nil {
					t.Error(err)
				}
				returned.Add(1)
			}()
			synctest.Wait()
		}
		if syncs.Load() != 1 || returned.Load() != 0 {
			t.Errorf("%d syncs have begun and %d callers returned, want 1 and 0", syncs.Load(), returned.Load())
		}
		release <- struct{}{}
		synctest.Wait()
		if syncs.Load() != 2 || returned.Load() != 1 {
			t.Errorf("after one sync: %d have begun and %d callers returned, want 2 and 1", syncs.Load(), returned.Load())
		}
		release <- struct{}{}
		synctest.Wait()
		if syncs.Load() != 2 || returned.Load() != 100 {
			t.Errorf("after two syncs: %d have begun and %d callers returned, want 2 and 100", syncs.Load(), returned.Load())
		}
	})
}

// TestSyncIsLaterThanItsCallers: under a race, each caller's write is covered
// by a sync that began after it.
func TestSyncIsLaterThanItsCallers(t *testing.T) {
	var written, synced atomic.Int64
	y := syncer{gate: gate.New()}
	y.sync = func() error {
		at := written.Load()
		synced.Store(at)
		return nil
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				mine := written.Add(1)
				if err := y.wait(y.applied.Add(1), nil); err != nil || synced.Load() < mine {
					t.Errorf("write %d was answered with %d synced (%v)", mine, synced.Load(), err)
				}
			}
		})
	}
	wg.Wait()
}

// TestFailedSyncTellsAll: all callers of a failed sync get its error, and no others.
func TestFailedSyncTellsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("the disk is gone")
		results := make(chan error)
		y := syncer{gate: gate.New(), sync: func() error { return <-results }}
		var failed, fine atomic.Int64
		for range 3 {
			go func() {
				if err := y.wait(y.applied.Add(1), nil); errors.Is(err, broken) {
					failed.Add(1)
				} else if err == nil {
					fine.Add(1)
				}
			}()
			synctest.Wait()
		}
		results <- nil // the first's own
		results <- broken
		synctest.Wait()
		if failed.Load() != 2 || fine.Load() != 1 {
			t.Errorf("%d callers saw the failure and %d didn't, want 2 and 1", failed.Load(), fine.Load())
		}
	})
}

// TestSyncedAlready: a caller that wrote nothing since the last sync doesn't wait.
func TestSyncedAlready(t *testing.T) {
	y := syncer{gate: gate.New(), sync: func() error { return nil }}
	n := y.applied.Add(1)
	for range 2 {
		if err := y.wait(n, nil); err != nil {
			t.Error(err)
		}
	}
	if got := y.syncs.Load(); got != 1 {
		t.Errorf("%d syncs, want 1", got)
	}
}
