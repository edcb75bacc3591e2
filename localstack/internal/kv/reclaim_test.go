package kv_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestDeletedValuesLeaveTheDisk, though little is written after them.
func TestDeletedValuesLeaveTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := kv.Open(dir, kv.Options{Logf: t.Logf, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sp, random := s.Space('x'), rand.NewChaCha8([32]byte{})
	value := make([]byte, 16<<10)
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	const n = 5000 // the logs of a store alone take 17 MB
	for i := range n {
		b := s.NewBatch()
		_, _ = random.Read(value) // can't fail
		b.Set(sp, key(i), value)
		if _, err := b.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	full := size(t, dir)
	b := s.NewBatch()
	for i := range n {
		b.Delete(sp, key(i))
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); size(t, dir) > full/2; {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes before, and %d after everything was deleted", full, size(t, dir))
		}
		time.Sleep(5 * time.Millisecond) // only the file system tells
	}
}

// size is that of the files in a directory.
func size(t *testing.T, dir string) (n int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil { // else it has just been removed
			n += info.Size()
		}
	}
	return n
}
