package upload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/project"
	"github.com/errandhq/errand/internal/source"
	"github.com/errandhq/errand/internal/upload"
)

// server keeps packs in memory, and serves them.
type server struct {
	url string

	mu       sync.Mutex
	packs    map[string][]byte
	asked    int // questions
	puts     int
	sent     int64
	failPuts int // after so many
}

func newServer(t *testing.T) *server {
	s := &server{packs: map[string][]byte{}, failPuts: -1}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, _ = w.Write(s.packs[r.URL.Path[1:]])
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *server) Ask(_ context.Context, all []errand.UploadRequest) (out []errand.Upload, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	for _, r := range all {
		_, ok := s.packs[r.SHA256]
		out = append(out, errand.Upload{SHA256: r.SHA256, Exists: ok})
	}
	return out, nil
}

var errDown = errors.New("the server is down")

func (s *server) Send(_ context.Context, r errand.UploadRequest, answer *errand.Upload, from io.ReaderAt) (bool, error) {
	body := make([]byte, r.Size)
	if _, err := from.ReadAt(body, 0); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := manifest.HashOf(body); h.String() != r.SHA256 || int64(len(body)) != r.Size {
		return false, errors.New("other bytes")
	}
	if answer == nil {
		s.asked++
	}
	if _, ok := s.packs[r.SHA256]; ok || answer != nil && answer.Exists {
		return false, nil
	}
	if s.puts == s.failPuts {
		return false, errDown
	}
	s.puts++
	s.sent += r.Size
	s.packs[r.SHA256] = body
	return true, nil
}

// requests returns what was asked and put since the last call.
func (s *server) requests() (asked, puts int, sent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, puts, sent = s.asked, s.puts, s.sent
	s.asked, s.puts, s.sent = 0, 0, 0
	return asked, puts, sent
}

// cache is a project.Cache for which files need not be old.
type cache struct {
	files map[string]cached
	state []byte
}

type cached struct {
	entry project.Entry
	value []byte
}

func (c *cache) Get(e *project.Entry) ([]byte, bool) {
	f, ok := c.files[e.Path]
	ok = ok && f.entry.Size == e.Size && f.entry.ModTime.Equal(e.ModTime) && f.entry.ID == e.ID
	return f.value, ok
}

func (c *cache) Put(e *project.Entry, value []byte) {
	if c.files == nil {
		c.files = map[string]cached{}
	}
	c.files[e.Path] = cached{*e, value}
}
func (c *cache) Last(e *project.Entry) []byte { return c.files[e.Path].value }
func (c *cache) State() []byte                { return c.state }
func (c *cache) SetState(b []byte)            { c.state = b }

func send(t testing.TB, s *server, dir string, c *cache) (upload.Result, error) {
	t.Helper()
	sel, err := project.Select(t.Context(), dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	sender := upload.Sender{Server: s}
	if c != nil {
		sender.Cache = c
	}
	return sender.Send(t.Context(), upload.Folder{Selection: sel, Mode: info.Mode(), ModTime: info.ModTime()})
}

func mustSend(t testing.TB, s *server, dir string, c *cache) upload.Result {
	t.Helper()
	r, err := send(t, s, dir, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// receive unpacks what was sent.
func (s *server) receive(t testing.TB, src errand.Source) string {
	t.Helper()
	dir := t.TempDir()
	g := &errand.SourceGrant{Source: src, Download: errand.SignedRequest{Method: "GET", URL: s.url + "/" + src.SHA256}}
	for _, p := range src.Packs {
		g.Downloads = append(g.Downloads, errand.SignedRequest{Method: "GET", URL: s.url + "/" + p})
	}
	work := filepath.Join(dir, "work")
	f := source.Fetcher{Tries: 1}
	if _, err := f.Unpack(t.Context(), g, source.Target{Dir: work, Scratch: dir}); err != nil {
		t.Fatal(err)
	}
	return work
}

// describe is what find -printf '%P %m %l %T@ %n' says, and the content.
func describe(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		target, _ := os.Readlink(path)
		fmt.Fprintf(&b, "%s %v %q %d", rel, info.Mode(), target, info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %s", names(info), manifest.HashOf(content))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// plant makes a random tree.
func plant(t *rapid.T, tb testing.TB, dir string) {
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	var files, dirs []string
	dirs = append(dirs, ".")
	names := []string{"a", "b", "a b", "a-", "b.c", "é", "A:b", `back\slash`, "new\nline", "\xff\xfe", "..x", "-f", "con", "z.txt "}
	for range rapid.IntRange(0, 25).Draw(t, "entries") {
		at := filepath.Join(rapid.SampledFrom(dirs).Draw(t, "in"), rapid.SampledFrom(names).Draw(t, "name"))
		path := filepath.Join(dir, at)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0, 1:
			must(os.Mkdir(path, 0o755))
			dirs = append(dirs, at)
		case 2:
			must(os.Symlink(rapid.SampledFrom([]string{"a", "/etc/passwd", "../..", "nowhere", "a/b"}).Draw(t, "target"), path))
		case 3:
			if len(files) > 0 {
				must(os.Link(filepath.Join(dir, rapid.SampledFrom(files).Draw(t, "first name")), path))
			}
		default:
			size := rapid.SampledFrom([]int{0, 1, 100, 70_000, manifest.MinChunkBytes, 2 << 20}).Draw(t, "size")
			content := random(rapid.Uint64Range(0, 3).Draw(t, "seed"), size)
			if rapid.Bool().Draw(t, "sparse") {
				content = make([]byte, size)
			}
			must(os.WriteFile(path, content, 0o600))
			files = append(files, at)
		}
	}
	for _, f := range files {
		must(os.Chmod(filepath.Join(dir, f), rapid.SampledFrom([]fs.FileMode{0o644, 0o664, 0o666, 0o775, 0o600, 0o444, 0o755}).Draw(t, "mode")))
		at := time.Unix(rapid.Int64Range(0, 1_700_000_000).Draw(t, "sec"), rapid.Int64Range(0, 999_999_999).Draw(t, "nsec"))
		must(os.Chtimes(filepath.Join(dir, f), at, at))
	}
	for i := range dirs {
		d := filepath.Join(dir, dirs[len(dirs)-1-i])
		must(os.Chmod(d, rapid.SampledFrom([]fs.FileMode{0o755, 0o775, 0o711, fs.ModeSetgid | 0o775, fs.ModeSticky | 0o777}).Draw(t, "dir mode")))
		at := time.Unix(rapid.Int64Range(0, 1_700_000_000).Draw(t, "sec"), rapid.Int64Range(0, 999_999_999).Draw(t, "nsec"))
		must(os.Chtimes(d, at, at))
	}
}

// TestRandomTreesArriveAsTheyAre: names, content, modes, times, links, hard links, empty
// folders; with a memory of another tree.
func TestRandomTreesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has neither these modes and names nor, without a privilege, links")
	}
	s := newServer(t)
	c := &cache{}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		plant(rt, t, dir)
		want := describe(t, dir)
		for range 2 {
			r := mustSend(t, s, dir, c)
			if got := describe(t, s.receive(t, r.Source)); got != want {
				rt.Fatalf("got\n%swant\n%s", got, want)
			}
		}
	})
}

// TestRandomTreesArriveAsRsyncWouldSendThem: as by rsync -rlptH, with times to the nanosecond.
func TestRandomTreesArriveAsRsyncWouldSendThem(t *testing.T) {
	t.Parallel()
	rsync, err := exec.LookPath("rsync")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("skipped: rsync is not installed")
	}
	s := newServer(t)
	for seed := range 10 {
		dir := t.TempDir()
		rapid.Custom(func(rt *rapid.T) bool {
			plant(rt, t, dir)
			return true
		}).Example(seed)
		to := filepath.Join(t.TempDir(), "to")
		if out, err := exec.Command(rsync, "-rlptH", "--modify-window=-1", dir+"/", to).CombinedOutput(); err != nil {
			t.Fatalf("rsync: %v\n%s", err, out)
		}
		if got, want := describe(t, s.receive(t, mustSend(t, s, dir, nil).Source)), describe(t, to); got != want {
			t.Errorf("got\n%sas rsync sends it\n%s", got, want)
		}
	}
}

// TestSmallFolderIsOneQuestionAndOnePut: no more than with a ZIP; and again, nothing but
// the question.
func TestSmallFolderIsOneQuestionAndOnePut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, c := t.TempDir(), &cache{}
	for i := range 20 {
		write(t, filepath.Join(dir, fmt.Sprint("d", i%3), fmt.Sprint("f", i)), random(uint64(i), 1000))
	}
	for _, tt := range []struct {
		what   string
		change func()
		puts   int
		packs  int
	}{
		{"first", func() {}, 1, 0},
		{"unchanged", func() {}, 0, 0},
		{"one changed", func() { write(t, filepath.Join(dir, "d1", "f1"), []byte("new")) }, 1, 1},
		{"unchanged", func() {}, 0, 1},
		{"one more", func() { write(t, filepath.Join(dir, "d1", "g"), []byte("newer")) }, 1, 2},
		{"unchanged", func() {}, 0, 2},
		{"without a cache", func() { *c = cache{} }, 1, 0},
		{"with a broken cache", func() { c.state = random(1, 1000) }, 0, 0},
	} {
		tt.change()
		r := mustSend(t, s, dir, c)
		asked, puts, sent := s.requests()
		if asked != 1 || puts != tt.puts || len(r.Source.Packs) != tt.packs {
			t.Errorf("%s: %d questions, %d PUTs (%d bytes), %d packs beside the root; want 1, %d, %d", tt.what, asked, puts, sent, len(r.Source.Packs), tt.puts, tt.packs)
		}
		if got, want := describe(t, s.receive(t, r.Source)), describe(t, dir); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.what, got, want)
		}
	}
}

// TestAChangeSendsLittle: of a folder of many files, and of a long file.
func TestAChangeSendsLittle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, c := t.TempDir(), &cache{}
	for i := range 3000 {
		write(t, filepath.Join(dir, fmt.Sprint("d", i%50), fmt.Sprint("f", i)), random(uint64(i), 3000))
	}
	long := random(1, 30<<20)
	write(t, filepath.Join(dir, "long"), long)
	mustSend(t, s, dir, c)
	if _, _, sent := s.requests(); sent < 38<<20 {
		t.Errorf("at first: %d bytes", sent)
	}
	write(t, filepath.Join(dir, "d7", "f7"), []byte("changed"))
	mustSend(t, s, dir, c)
	if asked, puts, sent := s.requests(); asked != 1 || puts != 1 || sent > 100<<10 {
		t.Errorf("one of 3001 files: %d questions, %d PUTs, %d bytes", asked, puts, sent)
	}
	long[17<<20]++
	write(t, filepath.Join(dir, "long"), long)
	r := mustSend(t, s, dir, c)
	if _, puts, sent := s.requests(); puts != 1 || sent > 5<<20 {
		t.Errorf("a byte of 30 MB: %d PUTs, %d bytes", puts, sent)
	}
	if got, want := describe(t, s.receive(t, r.Source)), describe(t, dir); got != want {
		t.Error("another folder arrived")
	}
	c = nil // another client sends the same packs, except for what changed since
	mustSend(t, s, dir, c)
	if _, _, sent := s.requests(); sent > 25<<20 {
		t.Errorf("without a cache: %d bytes", sent)
	}
}

// TestSendResumes: what arrived before a client died is not sent again.
func TestSendResumes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, c := t.TempDir(), &cache{}
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), random(uint64(i), 17<<20))
	}
	s.failPuts = 3
	if _, err := send(t, s, dir, c); !errors.Is(err, errDown) {
		t.Fatalf("got %v", err)
	}
	_, before, _ := s.requests()
	s.failPuts = -1
	r := mustSend(t, s, dir, c)
	_, after, _ := s.requests()
	if all := 1 + len(r.Source.Packs); before != 3 || before+after != all {
		t.Errorf("%d and %d PUTs of %d packs", before, after, all)
	}
	if describe(t, s.receive(t, r.Source)) != describe(t, dir) {
		t.Error("another folder arrived")
	}
}

// TestPacksThatAreGoneAreSentAgain: the server keeps them for a time.
func TestPacksThatAreGoneAreSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, c := t.TempDir(), &cache{}
	for i := range 3 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), random(uint64(i), 9<<20))
	}
	mustSend(t, s, dir, c)
	for _, change := range []string{"", "x"} {
		clear(s.packs)
		write(t, filepath.Join(dir, "2"), append(random(2, 9<<20), change...))
		r := mustSend(t, s, dir, c)
		if describe(t, s.receive(t, r.Source)) != describe(t, dir) {
			t.Error("another folder arrived")
		}
	}
}

// TestManyChangesKeepFewPacks: small packs are merged.
func TestManyChangesKeepFewPacks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, c := t.TempDir(), &cache{}
	write(t, filepath.Join(dir, "large"), random(1, 5<<20))
	var r upload.Result
	for i := range 60 {
		write(t, filepath.Join(dir, fmt.Sprint("f", i)), random(uint64(i), 5000))
		r = mustSend(t, s, dir, c)
		if len(r.Source.Packs) > 25 {
			t.Fatalf("%d packs after %d changes", len(r.Source.Packs), i)
		}
	}
	if describe(t, s.receive(t, r.Source)) != describe(t, dir) {
		t.Error("another folder arrived")
	}
}

// TestFilesThatChangeWhileTheyAreSent: one that is gone is left out, and one that changed
// after it was listed is sent as it is.
func TestFilesThatChangeWhileTheyAreSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir := t.TempDir()
	for _, name := range []string{"gone", "grown", "shrunk", "stays"} {
		write(t, filepath.Join(dir, name), bytes.Repeat([]byte(name), 1000))
	}
	sel, err := project.Select(t.Context(), dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	_ = os.Remove(filepath.Join(dir, "gone"))
	write(t, filepath.Join(dir, "grown"), random(1, 10_000))
	write(t, filepath.Join(dir, "shrunk"), []byte("x"))
	sender := upload.Sender{Server: s}
	info, _ := os.Stat(dir)
	r, err := sender.Send(t.Context(), upload.Folder{Selection: sel, Mode: info.Mode(), ModTime: info.ModTime()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(t, s.receive(t, r.Source)), describe(t, dir); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if r.Files != 3 {
		t.Errorf("%d files, want 3", r.Files)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 100 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), random(uint64(i), 300_000))
	}
	sel, err := project.Select(t.Context(), dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	sender := upload.Sender{Server: newServer(t)}
	if _, err := sender.Send(ctx, upload.Folder{Selection: sel, Mode: 0o755}); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
}
