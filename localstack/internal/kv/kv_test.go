package kv_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

func open(t *testing.T, fs vfs.FS) *kv.Store {
	t.Helper()
	s, err := kv.Open("data/stack/db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keys(t *testing.T, scan func(lower, upper []byte, f func(k, v []byte) (bool, error)) error, lower, upper []byte) string {
	t.Helper()
	var got []string
	err := scan(lower, upper, func(k, v []byte) (bool, error) {
		got = append(got, fmt.Sprintf("%s=%s", k, v))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

func TestSpacesAreApart(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer s.Close()
	a, b := s.Space('a'), s.Space('b')
	batch := s.NewBatch()
	for _, k := range []string{"1", "2", "3"} {
		batch.Set(a, []byte(k), []byte("a"+k))
		batch.Set(b, []byte(k), []byte("b"+k))
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, a.Scan, nil, nil); got != "1=a1 2=a2 3=a3" {
		t.Errorf("space a holds %q", got)
	}
	if got := keys(t, b.ScanBack, []byte("1"), []byte("3")); got != "2=b2 1=b1" {
		t.Errorf("space b, backwards below 3, holds %q", got)
	}
	batch = s.NewBatch()
	batch.DeleteRange(a, []byte("2"), nil)
	batch.Delete(b, []byte("1"))
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, a.Scan, nil, nil) + "|" + keys(t, b.Scan, nil, nil); got != "1=a1|2=b2 3=b3" {
		t.Errorf("after deletes: %q", got)
	}
	if _, ok, err := a.Get([]byte("2")); ok || err != nil {
		t.Errorf("Get of a deleted key = %v, %v", ok, err)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := kv.Open(dir, kv.Options{}); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
}

// TestPowerCut loses everything that wasn't fsynced, while writers are at work:
// what was acknowledged before the cut must be there after it.
func TestPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	defer s.Close()
	sp := s.Space('x')
	const writers, each = 8, 50
	var mu sync.Mutex
	acked := map[string]bool{}
	var crashed *vfs.MemFS
	var atCrash []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				k := fmt.Sprintf("%d-%03d", w, i)
				b := s.NewBatch()
				b.Set(sp, []byte(k), []byte(k))
				b.Set(sp, []byte("twin-"+k), []byte(k))
				if err := b.Commit(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[k] = true
				if len(acked) == writers*each/2 {
					for k := range acked {
						atCrash = append(atCrash, k)
					}
					crashed = fs.CrashClone(vfs.CrashCloneCfg{})
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()

	after := open(t, crashed)
	defer after.Close()
	for _, k := range atCrash {
		if _, ok, err := after.Space('x').Get([]byte(k)); !ok || err != nil {
			t.Errorf("acknowledged key %s is gone (%v)", k, err)
		}
	}
	n := strings.Count(keys(t, after.Space('x').Scan, []byte("0"), []byte("t"))+" ", " ")
	twins := strings.Count(keys(t, after.Space('x').Scan, []byte("twin"), nil)+" ", " ")
	if n != twins {
		t.Errorf("%d keys but %d twins: a batch was torn", n, twins)
	}
}
