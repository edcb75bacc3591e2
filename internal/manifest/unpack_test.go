package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/archive"
)

// content is a Content of chunks in memory.
type content map[Hash][]byte

func (c content) Chunk(_ context.Context, h Hash) ([]byte, error) {
	b, ok := c[h]
	if !ok {
		return nil, errors.New("no such chunk")
	}
	return b, nil
}

func (c content) Length(h Hash) (int, bool) {
	b, ok := c[h]
	return len(b), ok
}

func (c content) file(path string, chunks ...string) Entry {
	e := Entry{Path: path, Kind: File, Mode: 0o644, ModTime: time.Unix(1e9, 0)}
	for _, b := range chunks {
		h := HashOf([]byte(b))
		c[h] = []byte(b)
		e.Chunks, e.Size = append(e.Chunks, h), e.Size+int64(len(b))
	}
	return e
}

func dir(path string) Entry {
	return Entry{Path: path, Kind: Dir, Mode: 0o755, ModTime: time.Unix(1e9, 0)}
}
func symlink(path, target string) Entry {
	return Entry{Path: path, Kind: Symlink, Target: target, ModTime: time.Unix(1e9, 0)}
}
func hardLink(path, target string) Entry { return Entry{Path: path, Kind: HardLink, Target: target} }

// unpackInto unpacks into outer/in, and fails the test if anything else appears there.
func unpackInto(t *testing.T, c content, l archive.Limits, entries ...Entry) (string, error) {
	t.Helper()
	outer := t.TempDir()
	in := filepath.Join(outer, "in")
	_, err := Unpacker{Limits: l, Content: c, Now: time.Now()}.Unpack(t.Context(), entries, in)
	found, rerr := os.ReadDir(outer)
	if rerr != nil || len(found) > 1 || len(found) == 1 && found[0].Name() != "in" {
		t.Errorf("beside the directory: %v, %v", found, rerr)
	}
	return in, err
}

func TestUnpackRefusesHostileManifests(t *testing.T) {
	t.Parallel()
	c := content{}
	f := func(path string) Entry { return c.file(path, "x") }
	lying := f("a")
	lying.Size = 5
	longer := c.file("a", "x", "y")
	longer.Size = 1
	unknown := Entry{Path: "a", Kind: File, Size: 1, Chunks: []Hash{{1}}}
	huge := Entry{Path: "a", Kind: File, Size: 1 << 62, Chunks: []Hash{{1}}}
	deep := []Entry{}
	for i := 1; i <= 256; i++ {
		deep = append(deep, dir(strings.Repeat("a/", i-1)+"a"))
	}
	for _, tt := range []struct {
		name    string
		entries []Entry
		want    string
		is      error
	}{
		{"parent", []Entry{f("../x")}, `"../x": the name contains the element ".."`, ErrUnsafe},
		{"parent inside", []Entry{dir("a"), f("a/../../x")}, `".."`, ErrUnsafe},
		{"parent that stays", []Entry{dir("a"), f("a/../x")}, `".."`, ErrUnsafe},
		{"parent alone", []Entry{dir("..")}, `".."`, ErrUnsafe},
		{"absolute", []Entry{f("/tmp/x")}, `absolute path`, ErrUnsafe},
		{"NUL", []Entry{f("a\x00b")}, `NUL`, ErrUnsafe},
		{"empty name", []Entry{f("")}, `the name is empty`, nil},
		{"empty element", []Entry{dir("a"), f("a//x")}, `the element ""`, ErrUnsafe},
		{"dot", []Entry{f("./x")}, `the element "."`, ErrUnsafe},
		{"the directory as a file", []Entry{f(".")}, `must be the first entry, and a directory`, nil},
		{"the directory as a link", []Entry{symlink(".", "/")}, `must be the first entry, and a directory`, nil},
		{"the directory twice", []Entry{dir("."), dir(".")}, `must be the first entry`, nil},
		{"the directory later", []Entry{f("a"), dir(".")}, `must be the first entry`, nil},
		{"long name", []Entry{f(strings.Repeat("a", 4097))}, `limit is 4096`, nil},
		{"too deep", deep, `256 elements, the limit is 255`, archive.ErrTooLarge},
		{"write through a link", []Entry{symlink("l", "."), f("l/x")}, `"l" above it is not a directory`, ErrUnsafe},
		{"write through a link to a directory", []Entry{dir("d"), symlink("l", "d"), f("l/x")}, `"l" above it is not a directory`, ErrUnsafe},
		{"link over a directory", []Entry{dir("d"), symlink("d", ".")}, `the entry twice`, nil},
		{"file over a link", []Entry{symlink("l", "x"), f("l")}, `the entry twice`, nil},
		{"duplicate", []Entry{f("x"), f("x")}, `"x": the manifest has the entry twice`, nil},
		{"out of order", []Entry{f("b"), f("a")}, `not in order`, nil},
		{"below a file", []Entry{f("x"), f("x/y")}, `"x" above it is not a directory`, ErrUnsafe},
		{"below nothing", []Entry{f("x/y")}, `"x" above it is not a directory`, ErrUnsafe},
		{"below a directory that was left", []Entry{dir("a"), dir("a/b"), dir("c"), f("c/b/x")}, `"c/b" above it is not a directory`, ErrUnsafe},
		{"hard link out", []Entry{hardLink("h", "/etc/passwd")}, `names "/etc/passwd", which is not a file before it`, ErrUnsafe},
		{"hard link up", []Entry{hardLink("h", "../x")}, `not a file before it`, ErrUnsafe},
		{"hard link to a link", []Entry{symlink("a", "/etc/passwd"), hardLink("h", "a")}, `not a file before it`, ErrUnsafe},
		{"hard link to a directory", []Entry{dir("a"), hardLink("h", "a")}, `not a file before it`, ErrUnsafe},
		{"hard link to itself", []Entry{hardLink("h", "h")}, `not a file before it`, ErrUnsafe},
		{"hard link to a later file", []Entry{hardLink("a", "b"), f("b")}, `not a file before it`, ErrUnsafe},
		{"link nowhere", []Entry{symlink("l", "")}, `target is empty`, nil},
		{"link with NUL", []Entry{symlink("l", "a\x00b")}, `NUL`, nil},
		{"too many", []Entry{f("a"), f("b"), f("c"), f("d"), f("e"), f("f")}, `6 entries, the limit is 5`, archive.ErrTooLarge},
		{"too large", []Entry{c.file("a", strings.Repeat("0", 600)), c.file("b", strings.Repeat("0", 600))}, `"b": the files have more than 1000 bytes`, archive.ErrTooLarge},
		{"huge claim", []Entry{huge}, `more than 1000 bytes`, archive.ErrTooLarge},
		{"huge claims", []Entry{huge, huge}, `more than 1000 bytes`, archive.ErrTooLarge},
		{"fewer bytes than it says", []Entry{lying}, `content of 1 bytes, and the manifest says 5`, nil},
		{"more bytes than it says", []Entry{longer}, `more content than the 1 bytes`, nil},
		{"unknown content", []Entry{unknown}, `"a": no such chunk`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := archive.Limits{MaxBytes: 1000, MaxFiles: 5}
			if errors.Is(tt.is, archive.ErrTooLarge) && len(tt.entries) > 6 {
				l = archive.Limits{}
			}
			if _, err := unpackInto(t, c, l, tt.entries...); err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

func needUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has neither these modes nor, without a privilege, links")
	}
}

// TestUnpackSetsModesAndTimes: the bits of the source, whatever the umask; and times to
// the nanosecond, also of directories and links.
func TestUnpackSetsModesAndTimes(t *testing.T) {
	t.Parallel()
	needUnix(t)
	c := content{}
	at := func(n int64) time.Time { return time.Unix(1_500_000_000+n, 123_456_789) }
	entries := []Entry{dir("."), dir("d"), c.file("d/f", "x"), symlink("d/l", "/nowhere"), dir("e")}
	modes := []fs.FileMode{0o755, 0o555, 0o222, 0o777, 0o777 | fs.ModeSetgid}
	for i := range entries {
		entries[i].ModTime, entries[i].Mode = at(int64(i)), modes[i]
	}
	for i, m := range []fs.FileMode{0o664, 0o666, 0o775, 0o4755, 0} {
		e := c.file(fmt.Sprint("f", i), "y")
		e.Mode, e.ModTime = m|fs.ModeSetuid, at(int64(10+i))
		entries = append(entries, e)
		modes = append(modes, m&fs.ModePerm)
	}
	in, err := unpackInto(t, c, archive.Limits{}, entries...)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		info, err := os.Lstat(filepath.Join(in, e.Path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode() & (fs.ModePerm | fs.ModeSetgid | fs.ModeSetuid | fs.ModeSticky); got != modes[i] && e.Kind != Symlink {
			t.Errorf("%s: mode %v, want %v", e.Path, got, modes[i])
		}
		if got := info.ModTime(); !got.Equal(at(info.ModTime().Unix()-1_500_000_000)) || got.Nanosecond() != 123_456_789 {
			t.Errorf("%s: time %v", e.Path, got)
		}
	}
}

// TestUnpackKeepsFilesOutOfTheFuture, in their order: the sender's clock may be ahead.
func TestUnpackKeepsFilesOutOfTheFuture(t *testing.T) {
	t.Parallel()
	c := content{}
	var entries []Entry
	for i, ahead := range []time.Duration{3 * time.Hour, -time.Hour, time.Hour, 2 * time.Hour, 2 * time.Hour} {
		e := c.file(fmt.Sprint("f", i), "x")
		e.ModTime = time.Now().Add(ahead).Truncate(time.Second)
		entries = append(entries, e)
	}
	in, err := unpackInto(t, c, archive.Limits{}, entries...)
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(in, e.Path))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, info.ModTime())
		if info.ModTime().After(time.Now()) {
			t.Errorf("%s is of the future: %v", e.Path, info.ModTime())
		}
	}
	if !times[1].Before(times[2]) || !times[2].Before(times[3]) || !times[3].Equal(times[4]) || !times[4].Before(times[0]) {
		t.Errorf("the order is another one: %v", times)
	}
}

func TestUnpackMakesLinksAndFollowsNone(t *testing.T) {
	t.Parallel()
	needUnix(t)
	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1e9, 0)
	if err := os.Chtimes(precious, old, old); err != nil {
		t.Fatal(err)
	}
	c := content{}
	in, err := unpackInto(t, c, archive.Limits{}, c.file("a", "x"), symlink("abs", precious), symlink("dangling", "nowhere/../.."), hardLink("h", "a"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(precious)
	if err != nil || info.Mode().Perm() != 0o600 || !info.ModTime().Equal(old) {
		t.Errorf("the link's target changed: %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(in, "abs")); err != nil || target != precious {
		t.Errorf("link to %q, %v", target, err)
	}
	a, _ := os.Stat(filepath.Join(in, "a"))
	if h, err := os.Stat(filepath.Join(in, "h")); err != nil || !os.SameFile(a, h) {
		t.Errorf("the hard link is another file: %v", err)
	}
}

func TestUnpackMakesHoles(t *testing.T) {
	t.Parallel()
	needUnix(t)
	c := content{}
	zero := string(make([]byte, MinChunkBytes))
	e := c.file("sparse", zero, zero, "tail", zero+"x"+zero, zero)
	in, err := unpackInto(t, c, archive.Limits{}, e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(in, "sparse"))
	if want := zero + zero + "tail" + zero + "x" + zero + zero; err != nil || string(got) != want {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
	}
	if n := allocated(t, filepath.Join(in, "sparse")); n > 3*holeBytes {
		t.Errorf("%d bytes are allocated", n)
	}
}

func TestUnpackEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := content{}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("the time is over")
	cancel(late)
	_, err := Unpacker{Content: c}.Unpack(ctx, []Entry{c.file("a", "x")}, t.TempDir())
	if !errors.Is(err, late) {
		t.Errorf("got %v", err)
	}
}

// changedContent is a Content that has something else for one chunk.
type changedContent struct {
	content
	of     Hash
	answer func() ([]byte, error)
}

func (c changedContent) Chunk(ctx context.Context, h Hash) ([]byte, error) {
	if h == c.of {
		return c.answer()
	}
	return c.content.Chunk(ctx, h)
}

// TestUnpackLongFiles: files of many chunks arrive whole, also if they share chunks and have
// holes; a chunk that is gone, has another length, or comes when the time is over ends the
// unpacking with that error, however many are written at the time.
func TestUnpackLongFiles(t *testing.T) {
	t.Parallel()
	c := content{}
	var entries []Entry
	want := map[string]string{}
	for i := range 3 {
		var chunks []string
		for j := range 5 * longFile {
			chunks = append(chunks, fmt.Sprintf("%d of %d%s", j%(longFile+i), i, strings.Repeat("x", j)), strings.Repeat("\x00", 1000*(j%3)+1))
		}
		name := fmt.Sprint("long", i)
		entries = append(entries, c.file(name, chunks...))
		want[name] = strings.Join(chunks, "")
	}
	in, err := unpackInto(t, c, archive.Limits{}, entries...)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		if b, err := os.ReadFile(filepath.Join(in, name)); err != nil || string(b) != text {
			t.Errorf("%s has %d other bytes, want %d; %v", name, len(b), len(text), err)
		}
	}
	gone, late := errors.New("gone"), errors.New("the time is over")
	of := entries[1].Chunks[longFile]
	for name, tt := range map[string]struct {
		answer func(end context.CancelCauseFunc) ([]byte, error)
		want   error
	}{
		"gone":   {func(context.CancelCauseFunc) ([]byte, error) { return nil, gone }, gone},
		"longer": {func(context.CancelCauseFunc) ([]byte, error) { return append([]byte("x"), c[of]...), nil }, errDamaged},
		"late":   {func(end context.CancelCauseFunc) ([]byte, error) { end(late); return c[of], nil }, late},
	} {
		ctx, end := context.WithCancelCause(t.Context())
		changed := changedContent{c, of, func() ([]byte, error) { return tt.answer(end) }}
		if _, err := (Unpacker{Content: changed, Now: time.Now()}).Unpack(ctx, entries, filepath.Join(t.TempDir(), "in")); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		end(nil)
	}
}
