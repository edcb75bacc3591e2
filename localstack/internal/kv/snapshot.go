package kv

import "github.com/cockroachdb/pebble/v2"

// A Snapshot is the store at one moment. The database can't reclaim what a
// snapshot shows, so close it soon, and before the store.
type Snapshot struct{ s *pebble.Snapshot }

// NewSnapshot returns a snapshot with all batches applied so far.
func (s *Store) NewSnapshot() *Snapshot { return &Snapshot{s.db.NewSnapshot()} }

// Close releases the snapshot. No read of it may be in progress.
func (s *Snapshot) Close() error { return s.s.Close() }

// At returns the space as of the snapshot, for reading only.
func (sp *Space) At(s *Snapshot) *Space { return &Space{store: sp.store, from: s.s, prefix: sp.prefix} }
