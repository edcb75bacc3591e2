package project

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// at returns the selection as if it were listed after d.
func at(t *testing.T, dir string, d time.Duration) *Selection {
	s := choose(t, dir, Options{})
	s.listed = s.listed.Add(d)
	return s
}

func TestCache(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: a folder has no mode on Windows that could change")
	}
	t.Parallel()
	caches := filepath.Join(t.TempDir(), "caches")
	dir := tree(t, map[string]string{"a": "1", "b": "2", "sub/": ""})
	store := func(s *Selection) {
		c := OpenCache(caches, s)
		for i := range s.Entries {
			if e := &s.Entries[i]; e.Kind == File {
				c.Put(e, []byte("hash of "+e.Path))
			}
		}
		c.SetWhole(s, []byte("whole"))
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
	}
	known := func(s *Selection) string {
		c := OpenCache(caches, s)
		var got []string
		for i := range s.Entries {
			if v, ok := c.Get(&s.Entries[i]); ok {
				got = append(got, string(v))
			}
		}
		if v, ok := c.Whole(s); ok {
			got = append(got, string(v))
		}
		return strings.Join(got, ", ")
	}
	store(at(t, dir, time.Second)) // the files are one second old
	if got := known(at(t, dir, time.Minute)); got != "" {
		t.Errorf("of files that had just changed: %s", got)
	}
	s := at(t, dir, time.Minute)
	store(s)
	if got := known(at(t, dir, 2*time.Minute)); got != "hash of a, hash of b, whole" {
		t.Errorf("unchanged: %s", got)
	}
	// The same size and time, as cp -p leaves them: the inode or its time of change differs.
	write(t, dir, map[string]string{"new": "3"})
	if err := os.Chtimes(filepath.Join(dir, "new"), s.Entries[0].ModTime, s.Entries[0].ModTime); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if got := known(at(t, dir, time.Minute)); s.Entries[0].ID.Inode != 0 && got != "hash of b" {
		t.Errorf("after a was replaced: %s", got)
	}
	store(at(t, dir, time.Minute))
	if err := os.Chmod(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := known(at(t, dir, time.Minute)); got != "hash of a, hash of b" {
		t.Errorf("after a folder's mode changed: %s", got)
	}
	files, err := os.ReadDir(caches)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	name := filepath.Join(caches, files[0].Name())
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := known(at(t, dir, time.Minute)); got != "" {
		t.Errorf("of a damaged file: %s", got)
	}
}

// TestCutCache: a cache file that is cut off anywhere, as a crash may leave it, is an empty
// cache.
func TestCutCache(t *testing.T) {
	t.Parallel()
	c := cacheContent{Whole: []byte("whole"), State: []byte("state"), Entries: map[string]cached{"a": {identity{Size: 1, Inode: 2}, []byte("value")}, "b": {}}}
	b := c.encode()
	if got := decodeCache(b); !reflect.DeepEqual(got, c) {
		t.Fatalf("decoded %+v, want %+v", got, c)
	}
	for n := range b {
		if got := decodeCache(b[:n]); !reflect.DeepEqual(got, cacheContent{}) {
			t.Errorf("of %d of %d bytes: %+v", n, len(b), got)
		}
	}
}

func TestCacheRemovesWhatIsNotUsed(t *testing.T) {
	t.Parallel()
	caches := t.TempDir()
	old := filepath.Join(caches, "old")
	write(t, caches, map[string]string{"old": "x", "young": "x"})
	long := time.Now().Add(-2 * cacheAge)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	s := at(t, tree(t, map[string]string{"a": ""}), time.Minute)
	c := OpenCache(caches, s)
	c.Put(&s.Entries[0], nil)
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(caches); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}
