package kv

import "github.com/cockroachdb/pebble/v2"

// A Snapshot is the store as it was at one moment. It holds back what the
// database would clear away, so it is closed soon, and before the store is.
type Snapshot struct{ s *pebble.Snapshot }

// NewSnapshot returns what has been applied until now.
func (s *Store) NewSnapshot() *Snapshot { return &Snapshot{s.db.NewSnapshot()} }

// Close ends the snapshot. No read of it may be under way.
func (s *Snapshot) Close() error { return s.s.Close() }

// At is the space as the snapshot has it, to be read alone.
func (sp *Space) At(s *Snapshot) *Space { return &Space{store: sp.store, from: s.s, prefix: sp.prefix} }
