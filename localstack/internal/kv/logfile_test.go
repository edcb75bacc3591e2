package kv

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLogGrowsAhead: syncs after small writes are within the file, and what
// stands behind the last record is no record.
func TestLogGrowsAhead(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s, err := Open("db", Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int64]bool{}
	const n = 2000
	for i := range n {
		b := s.NewBatch()
		b.Set(s.Space('x'), fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte{1}, 1000))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		sizes[logSize(t, fs)] = true
	}
	t.Logf("the log had %d sizes", len(sizes))
	if len(sizes) > n/50 {
		t.Errorf("%d commits made the log longer %d times", n, len(sizes))
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open("db", Options{FS: crashed, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i := range n {
		if _, ok, err := again.Space('x').Get(fmt.Appendf(nil, "%04d", i)); !ok || err != nil {
			t.Fatalf("record %d is gone after a power cut (%v)", i, err)
		}
	}
}

// logSize is the size of the newest log.
func logSize(t *testing.T, fs vfs.FS) int64 {
	t.Helper()
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && name > newest {
			newest = name
		}
	}
	info, err := fs.Stat(fs.PathJoin("db", newest))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
