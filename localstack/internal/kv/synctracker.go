package kv

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A syncTracker keeps in a small file how much of the store's log and manifest
// was synced, which is what was acknowledged, with a checksum. Pebble takes the
// first record that it can't read for the end of a file that a power cut tore;
// by the tracker's file, Open can tell that from damage.
//
// The file is written after each sync of the log or the manifest, and synced by
// close alone. So after a power cut it may say less than was synced, and never
// more: the kernel can't have it before the sync that it tells of.
type syncTracker struct {
	mu    sync.Mutex
	file  vfs.File // nil if it isn't written, or can't be
	state syncedState
	logf  func(format string, args ...any)
}

// openSyncTracker checks the files in dir against what was synced when the store
// was open last, creates a store in dir if there is none, and opens the tracker.
func openSyncTracker(dir string, o Options) (*syncTracker, error) {
	names, err := o.FS.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var state syncedState
	if slices.Contains(names, syncedFile) {
		if state, err = readSyncedState(o.FS, dir); err != nil {
			return nil, fmt.Errorf("read %s in %s: %w", syncedFile, dir, err)
		}
	}
	if err := state.check(o.FS, dir, names); err != nil {
		return nil, err
	}
	if o.NoSync {
		return &syncTracker{}, nil
	}
	f, err := o.FS.OpenReadWrite(o.FS.PathJoin(dir, syncedFile), "errand-synced")
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", syncedFile, dir, translate(err))
	}
	return &syncTracker{file: f, state: state, logf: o.Logf}, nil
}

// record notes that an extent was synced: of the log or of the manifest, as of
// says. If that can't be written, what the file says stays true, and isn't
// changed any more.
func (t *syncTracker) record(of *extent, synced extent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*of = synced
	if t.file == nil {
		return
	}
	if _, err := t.file.WriteAt(t.state.encode(), 0); err != nil {
		logger{t.logf}.Errorf("can't write %s, so damage to the latest writes won't be detected: %v", syncedFile, err)
		_ = t.file.Close() // the error that counts is logged
		t.file = nil
	}
}

// close makes the file durable.
func (t *syncTracker) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == nil {
		return nil
	}
	err := errors.Join(t.file.Sync(), t.file.Close())
	t.file = nil
	return err
}
