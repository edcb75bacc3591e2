package manifest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// synced is a folder that a job has changed in between.
type synced struct {
	t    *testing.T
	c    content
	root *os.Root
	dir  string
	old  map[string]Placed
	now  time.Time
}

func newSynced(t *testing.T) *synced {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &synced{t: t, c: content{}, root: root, dir: dir, now: time.Unix(1_700_000_000, 0)}
}

// sync syncs the entries an hour after the last time.
func (s *synced) sync(entries ...Entry) {
	s.t.Helper()
	if err := s.try(s.t.Context(), entries...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *synced) try(ctx context.Context, entries ...Entry) error {
	s.now = s.now.Add(time.Hour)
	placed, _, err := Unpacker{Content: s.c, Now: s.now}.Sync(ctx, slices.Clone(entries), s.root, s.old)
	if err != nil {
		return err
	}
	s.old, err = DecodePlaced(EncodePlaced(placed)) // as it is kept
	return err
}

func (s *synced) path(name string) string { return filepath.Join(s.dir, name) }

// write writes as a job does.
func (s *synced) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *synced) do(errs ...error) {
	s.t.Helper()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
}

// want checks a file's text; "" means that there is none.
func (s *synced) want(name, text string) {
	s.t.Helper()
	got, err := os.ReadFile(s.path(name))
	if text == "" {
		if !errors.Is(err, fs.ErrNotExist) {
			s.t.Errorf("%s is there: %q, %v", name, got, err)
		}
		return
	}
	if string(got) != text || err != nil {
		s.t.Errorf("%s: %q, %v; want %q", name, got, err, text)
	}
}

func (s *synced) info(name string) fs.FileInfo {
	s.t.Helper()
	info, err := os.Lstat(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return info
}

func (s *synced) wantTime(name string, at time.Time) {
	s.t.Helper()
	if got := s.info(name).ModTime(); !got.Equal(at) {
		s.t.Errorf("%s has the time %v, want %v", name, got, at)
	}
}

// TestSyncSetsTimesThatMakeUnderstands: what has changed counts as newer than all that was
// made before, although the sender's file is old; what hasn't keeps its time and its inode.
func TestSyncSetsTimesThatMakeUnderstands(t *testing.T) {
	t.Parallel()
	s := newSynced(t)
	sent := time.Unix(1e9, 0)
	s.sync(dir("src"), s.c.file("src/a.c", "a1"), s.c.file("src/b.c", "b1"))
	s.wantTime("src/a.c", sent)
	before := s.info("src/b.c")
	s.write("src/a.o", "object of a1")
	older := s.c.file("src/a.c", "a2")
	older.ModTime = sent.Add(-time.Hour)
	touched := s.c.file("src/b.c", "b1")
	touched.ModTime = s.now
	s.sync(dir("src"), older, touched)
	s.want("src/a.c", "a2")
	s.wantTime("src/a.c", s.now)
	s.wantTime("src/b.c", sent)
	if !os.SameFile(before, s.info("src/b.c")) {
		t.Error("the unchanged file was written again")
	}
	s.want("src/a.o", "object of a1")
}

// TestSyncRemovesWhatIsNoLongerSent, and only that.
func TestSyncRemovesWhatIsNoLongerSent(t *testing.T) {
	t.Parallel()
	s := newSynced(t)
	s.sync(dir("."), dir("empty"), dir("old"), s.c.file("old/x", "x"), dir("used"), s.c.file("used/x", "x"), s.c.file("x.go", "x"), s.c.file("y.go", "y"), s.c.file("z", "z"))
	s.write("used/made", "by the job")
	s.write("bin/app", "by the job")
	s.do(os.Remove(s.path("z")), os.Mkdir(s.path("z"), 0o700))
	s.write("z/made", "by the job")
	s.do(os.Remove(s.path("y.go")))
	s.sync(dir("."), s.c.file("new", "n"))
	for name, text := range map[string]string{
		"old": "", "empty": "", "used/x": "", "x.go": "", "y.go": "", "new": "n",
		"used/made": "by the job", "bin/app": "by the job", "z/made": "by the job",
	} {
		s.want(name, text)
	}
	s.sync(dir("."), dir("bin"), s.c.file("bin/app", "sent"), s.c.file("z", "z2"))
	s.want("bin/app", "sent") // an entry needs its place
	s.want("z", "z2")
	s.want("used/made", "by the job")
	s.want("new", "")
}

// TestSyncUndoesChangesOfTheJob: what was sent is what is there, whatever a job did to it.
func TestSyncUndoesChangesOfTheJob(t *testing.T) {
	t.Parallel()
	needUnix(t)
	s := newSynced(t)
	entries := []Entry{dir("d"), s.c.file("d/other", "1234"), s.c.file("d/same", "1234"), s.c.file("d/touched", "1234"), s.c.file("executable", "1234"), s.c.file("gone", "1234"), symlink("link", "d"), s.c.file("linked", "1234"), hardLink("name", "linked")}
	s.sync(entries...)
	sent := s.info("d/other").ModTime()
	s.write("d/other", "4321")
	s.do(os.Chtimes(s.path("d/other"), sent, sent)) // as if it had not been changed
	touched := s.now.Add(time.Minute)
	s.do(
		os.Chtimes(s.path("d/touched"), touched, touched), os.Chmod(s.path("executable"), 0o700), os.Remove(s.path("gone")),
		os.Remove(s.path("link")), os.Symlink("..", s.path("link")), os.Remove(s.path("name")), os.Link(s.path("d/same"), s.path("more")),
	)
	s.sync(entries...)
	for _, name := range []string{"d/other", "d/same", "d/touched", "executable", "gone", "linked", "name"} {
		s.want(name, "1234")
	}
	s.wantTime("d/other", s.now)
	s.wantTime("gone", s.now)
	s.wantTime("d/same", sent) // its content did not change, though its inode did
	s.wantTime("executable", sent)
	s.wantTime("d/touched", touched)
	if got := s.info("executable").Mode(); got != 0o644 {
		t.Errorf("the mode is %v", got)
	}
	if to, err := os.Readlink(s.path("link")); err != nil || to != "d" {
		t.Errorf("the link points to %q, %v", to, err)
	}
	if !os.SameFile(s.info("linked"), s.info("name")) {
		t.Error("the hard link is a copy")
	}
}

// TestSyncFollowsNoLinkOfTheJob: not when it puts files, nor when it removes them.
func TestSyncFollowsNoLinkOfTheJob(t *testing.T) {
	t.Parallel()
	needUnix(t)
	s := newSynced(t)
	outside := filepath.Join(filepath.Dir(s.dir), "outside")
	keep := func(name string) string {
		p := filepath.Join(outside, name)
		s.do(os.MkdirAll(outside, 0o755), os.WriteFile(p, []byte("mine"), 0o644))
		return p
	}
	kept := []string{keep("file"), keep("gone"), keep("new"), keep("hard")}
	s.sync(dir("."), dir("d"), s.c.file("d/file", "a"), s.c.file("d/gone", "a"), s.c.file("f", "a"), s.c.file("h", "a"), symlink("l", "d"), dir("sub"), s.c.file("sub/file", "a"))
	s.do(
		os.RemoveAll(s.path("d")), os.Symlink(outside, s.path("d")),
		os.Remove(s.path("f")), os.Symlink(kept[0], s.path("f")),
		os.Remove(s.path("h")), os.Link(kept[3], s.path("h")),
		os.RemoveAll(s.path("sub")), os.Symlink("../outside", s.path("sub")),
		os.Symlink(outside, s.path("made")),
	)
	s.sync(dir("."), dir("d"), s.c.file("d/file", "b"), s.c.file("d/new", "b"), s.c.file("f", "b"), s.c.file("h", "b"), dir("made"), s.c.file("made/file", "b"))
	for _, p := range kept {
		if b, err := os.ReadFile(p); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	for _, name := range []string{"d/file", "d/new", "f", "h", "made/file"} {
		s.want(name, "b")
	}
	if got := s.info("d"); !got.IsDir() {
		t.Errorf("d is %v", got.Mode())
	}
}

// TestSyncTrustsNoRecord: a job can write the record of what was placed.
func TestSyncTrustsNoRecord(t *testing.T) {
	t.Parallel()
	s := newSynced(t)
	victim := filepath.Join(filepath.Dir(s.dir), "victim")
	s.do(os.WriteFile(victim, []byte("mine"), 0o600))
	s.sync(s.c.file("a", "a"))
	for _, name := range []string{"../victim", victim, "", "/", "..", "a/../../victim", ".", "b\x00"} {
		s.old[name] = Placed{Kind: File}
	}
	s.sync(s.c.file("a", "b"))
	if b, err := os.ReadFile(victim); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	s.want("a", "b")
}

// TestSyncOfReadOnlyFolders: those who aren't root need the right to write.
func TestSyncOfReadOnlyFolders(t *testing.T) {
	t.Parallel()
	needUnix(t)
	s := newSynced(t)
	t.Cleanup(func() { _ = os.Chmod(s.path("ro"), 0o700) })
	ro := Entry{Path: "ro", Kind: Dir, Mode: 0o555}
	s.sync(ro, s.c.file("ro/a", "1"), s.c.file("ro/b", "1"))
	s.do(os.Chmod(s.path("ro"), 0o555))
	s.sync(ro, s.c.file("ro/a", "2"))
	s.want("ro/a", "2")
	s.want("ro/b", "")
	if got := s.info("ro").Mode().Perm(); got != 0o555 {
		t.Errorf("the mode is %v", got)
	}
	s.sync(s.c.file("a", "2"))
	s.want("ro", "")
}

// TestSyncDoesNotWaitForPipes that a job has left in a file's place.
func TestSyncDoesNotWaitForPipes(t *testing.T) {
	t.Parallel()
	needUnix(t)
	s := newSynced(t)
	s.sync(s.c.file("a", "a"))
	s.do(os.Remove(s.path("a")), makePipe(s.path("a")))
	s.sync(s.c.file("a", "a"))
	s.want("a", "a")
}

// TestSyncEndsWithItsContext, and with content that is missing.
func TestSyncEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSynced(t)
	s.sync(s.c.file("a", "a"))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("cancelled")
	cancel(cause)
	if err := s.try(ctx, s.c.file("a", "b")); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	missing := Entry{Path: "b", Kind: File, Size: 1, Mode: 0o644, Chunks: []Hash{{1}}}
	if err := s.try(t.Context(), missing); err == nil || !strings.Contains(err.Error(), `"b": no such chunk`) {
		t.Errorf("got %v", err)
	}
}

// TestSyncWritesOnlyTheChunksThatALongFileLacks, unless that would change another file.
func TestSyncWritesOnlyTheChunksThatALongFileLacks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("skipped: how many names a file has is not known on Windows")
	}
	tests := []struct {
		what   string
		change func(s *synced)
		chunks []string
		isSame bool // the file, not another in its place
	}{
		{"a chunk", nil, []string{"aaaa", "XXXX", "cccc", "dd"}, true},
		{"the length of a chunk", nil, []string{"aaaa", "bbbb", "cccc", "d"}, true},
		{"appended", nil, []string{"aaaa", "bbbb", "cccc", "ddd", "e"}, true},
		{"cut", nil, []string{"aaaa", "bbbb"}, true},
		{"by the job", func(s *synced) { s.write("f", "aaaaYYYYccccdd") }, []string{"aaaa", "bbbb", "cccc", "dd"}, true},
		{"zeros", nil, []string{"aaaa", "\x00\x00\x00\x00", "cccc", "dd"}, true},
		{"most", nil, []string{"XXXX", "XXXX", "XXXX", "dd"}, false},
		{"inserted", nil, []string{"Xaaaa", "bbbb", "cccc", "dd"}, false},
		{"a second name", func(s *synced) { s.do(os.Link(s.path("f"), s.path("name"))) }, []string{"aaaa", "XXXX", "cccc", "dd"}, false},
	}
	for _, tt := range tests {
		s := newSynced(t)
		s.sync(s.c.file("f", "aaaa", "bbbb", "cccc", "dd"))
		if tt.change != nil {
			tt.change(s)
		}
		before, err := os.Open(s.path("f")) // while it is open, no other file gets its inode
		s.do(err)
		s.sync(s.c.file("f", tt.chunks...))
		s.want("f", strings.Join(tt.chunks, ""))
		s.wantTime("f", s.now)
		info, err := before.Stat()
		s.do(err, before.Close())
		if same := os.SameFile(info, s.info("f")); same != tt.isSame {
			t.Errorf("%s: the same file: %v, want %v", tt.what, same, tt.isSame)
		}
		if _, err := os.Lstat(s.path("name")); err == nil {
			s.want("name", "aaaabbbbccccdd")
		}
	}
}

// TestSyncReplacesAFileThatCannotBeWritten, as one that runs.
func TestSyncReplacesAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	needUnix(t)
	s := newSynced(t)
	e := s.c.file("f", "aaaa", "bbbb", "cccc")
	e.Mode = 0o444
	s.sync(e)
	e = s.c.file("f", "aaaa", "XXXX", "cccc")
	e.Mode = 0o555
	s.sync(e)
	s.want("f", "aaaaXXXXcccc")
	if got := s.info("f").Mode(); got != 0o555 {
		t.Errorf("the mode is %v", got)
	}
}

func TestEncodePlaced(t *testing.T) {
	t.Parallel()
	all := map[string]Placed{
		".": {Kind: Dir}, "d": {Kind: Dir}, "d/link": {Kind: Symlink}, "d/same": {Kind: HardLink},
		"d/f": {Kind: File, Content: HashOf([]byte("x")), Size: math.MaxInt64, Modified: math.MinInt64, Changed: math.MaxInt64},
		"e":   {Kind: File, Modified: -1},
	}
	for _, want := range []map[string]Placed{all, {}} {
		b := EncodePlaced(want)
		if got, err := DecodePlaced(b); err != nil || !maps.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		for i := range b {
			if _, err := DecodePlaced(b[:i]); err == nil {
				t.Errorf("the first %d of %d bytes: no error", i, len(b))
			}
			damaged := bytes.Clone(b)
			damaged[i] ^= 1
			if _, err := DecodePlaced(damaged); err == nil {
				t.Errorf("byte %d is another: no error", i)
			}
		}
	}
	for _, text := range []string{"\x03d\x01a", "\x01d\x01abc", "\xff\xff\x03"} { // that a job has written
		sum := HashOf([]byte(text))
		if got, err := DecodePlaced(append(sum[:], text...)); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
