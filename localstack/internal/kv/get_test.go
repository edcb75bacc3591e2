package kv

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lowest returns a store that has all its keys in the lowest level, and its space.
func lowest(t *testing.T, keys int) (*Store, *Space) {
	t.Helper()
	s, err := Open("db", Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	sp := s.Space('x')
	b := s.NewBatch()
	for i := range keys {
		b.Set(sp, fmt.Appendf(nil, "key-%d", i), fmt.Appendf(nil, "value %d", i))
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(t.Context(), []byte{'x'}, []byte{'y'}, false); err != nil {
		t.Fatal(err)
	}
	return s, sp
}

// TestFind: it finds what Get finds, in the memtable and below.
func TestFind(t *testing.T) {
	s, sp := lowest(t, 100)
	b := s.NewBatch()
	b.Set(sp, []byte("key-1"), []byte("another value"))
	b.Delete(sp, []byte("key-2"))
	b.Set(sp, []byte("fresh"), nil)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"key-0", "key-1", "key-2", "key-99", "fresh", "key-", "key-100", "", "zz"} {
		value, ok, err := sp.Get([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		found, okFound, err := sp.Find([]byte(key))
		text, okText, errText := sp.FindText([]byte(key))
		if err != nil || errText != nil {
			t.Fatal(err, errText)
		}
		if string(found) != string(value) || okFound != ok || text != string(value) || okText != ok {
			t.Errorf("%q: %q, %v and %q, %v; Get: %q, %v", key, found, okFound, text, okText, value, ok)
		}
	}
}

// TestFindReadsNoBlock: a lookup of a missing key reads no block, unless the filter
// has a false positive.
func TestFindReadsNoBlock(t *testing.T) {
	s, sp := lowest(t, 10_000)
	const lookups = 1000
	before := s.db.Metrics().Filter
	for i := range lookups {
		if _, ok, err := sp.Find(fmt.Appendf(nil, "key-%d-", i)); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	after := s.db.Metrics().Filter
	if spared := after.Hits - before.Hits; spared < lookups*9/10 {
		t.Errorf("the filter spared %d reads of %d", spared, lookups)
	}
}
