package jobcache_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/meter"
	"github.com/errandhq/errand/internal/source"
)

func skipOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("skipped: symbolic links need a privilege on Windows, and it has no modes")
	}
}

func newDirs(t *testing.T) jobcache.Dirs {
	t.Helper()
	return jobcache.Dirs{Work: t.TempDir(), Home: t.TempDir()}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}

// open opens what was packed, as a worker that has the packs.
func open(t *testing.T, p *jobcache.Packed) *source.Manifest {
	t.Helper()
	cache := source.OpenCache(t.TempDir(), 1<<40)
	last := len(p.Packs) - 1
	g := &errand.SourceGrant{Source: errand.Source{SHA256: p.Packs[last].SHA256, Format: errand.FormatManifest}, Owner: "ann"}
	for i, pack := range p.Packs {
		must(t, cache.Adopt("ann", pack.SHA256, filepath.Join(p.Dir, pack.SHA256)))
		if i < last {
			g.Packs, g.Downloads = append(g.Packs, pack.SHA256), append(g.Downloads, errand.SignedRequest{})
		}
	}
	m, err := source.Fetcher{}.Open(t.Context(), g, source.Target{Cache: cache})
	must(t, err)
	t.Cleanup(m.Close)
	return m
}

func pack(t *testing.T, dirs jobcache.Dirs, c *errand.Cache) *jobcache.Packed {
	t.Helper()
	p, err := jobcache.Pack(t.Context(), dirs, c, filepath.Join(t.TempDir(), "packs"), nil)
	must(t, err)
	return p
}

// tree describes what is below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %v", filepath.ToSlash(rel), info.Mode())
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %v %s", info.ModTime().UTC(), manifest.HashOf(content))
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			b.WriteString(" -> " + to)
		default:
			fmt.Fprint(&b, " ", info.ModTime().UTC())
		}
		b.WriteString("\n")
		return nil
	}))
	return b.String()
}

// TestPackAndRestore: what comes back is what was there, times and modes included.
func TestPackAndRestore(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	from, to := newDirs(t), newDirs(t)
	c := &errand.Cache{Key: "k", Paths: []string{"~/.cache/go-build", "node_modules", ".eslintcache", "missing", "~/a/b/c"}}
	build := filepath.Join(from.Home, ".cache", "go-build")
	large := make([]byte, 6<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(large)
	for name, text := range map[string]string{"a/x": "x", "a.b": "same", "a/y": "same", "z/deep/er/file": "", "large": string(large)} {
		write(t, filepath.Join(build, name), text)
	}
	for i := range 300 {
		write(t, filepath.Join(from.Work, "node_modules", fmt.Sprint("p", i), "index.js"), fmt.Sprint("// ", i))
	}
	write(t, filepath.Join(from.Work, ".eslintcache"), "{}")
	write(t, filepath.Join(from.Home, "a/b/c/d"), "d")
	write(t, filepath.Join(from.Work, "src/main.c"), "not cached")
	must(t, os.Mkdir(filepath.Join(build, "empty"), 0o700), os.Symlink("../a.b", filepath.Join(build, "z/link")), os.Symlink("/nowhere", filepath.Join(build, "z/out")),
		os.Chmod(filepath.Join(build, "a/x"), 0o755))
	old := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	must(t, os.Chtimes(filepath.Join(build, "a/x"), old, old), os.Chmod(filepath.Join(build, "z/deep"), 0o555), os.Chmod(filepath.Join(from.Home, "a/b/c"), 0o555))
	t.Cleanup(func() {
		for _, d := range []string{from.Home, to.Home} {
			_ = os.Chmod(filepath.Join(d, ".cache/go-build/z/deep"), 0o755)
			_ = os.Chmod(filepath.Join(d, "a/b/c"), 0o755)
		}
	})
	must(t, os.Mkdir(filepath.Join(to.Work, "node_modules"), 0o755)) // empty: it may be replaced
	write(t, filepath.Join(to.Work, "src/main.c"), "not cached")
	p := pack(t, from, c)
	m := open(t, p)
	got, err := jobcache.Restore(t.Context(), to, c, m.Entries, m, archive.Limits{})
	must(t, err)
	if len(got.Kept) > 0 || got.Files != p.Files || got.Bytes != p.Bytes || p.Files != 2+300+5+2 {
		t.Errorf("restored %+v of %d files, %d bytes", got, p.Files, p.Bytes)
	}
	for _, dir := range []string{".cache/go-build", "a/b/c"} {
		if want, got := tree(t, filepath.Join(from.Home, dir)), tree(t, filepath.Join(to.Home, dir)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", dir, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(to.Home, "a/b/c")); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	wantModules, gotModules := tree(t, filepath.Join(from.Work, "node_modules")), tree(t, filepath.Join(to.Work, "node_modules"))
	if gotModules != wantModules {
		t.Errorf("node_modules:\n%s\nwant\n%s", gotModules, wantModules)
	}
	entries, _ := os.ReadDir(to.Work)
	if len(entries) != 3 {
		t.Errorf("the work folder has %v", entries)
	}
}

// TestPackAgain: the same files are the same packs.
func TestPackAgain(t *testing.T) {
	t.Parallel()
	dirs := newDirs(t)
	write(t, filepath.Join(dirs.Work, "a/b"), "text")
	c := &errand.Cache{Key: "k", Paths: []string{"a"}}
	if a, b := pack(t, dirs, c), pack(t, dirs, c); a.Packs[0] != b.Packs[0] || len(a.Packs) != 1 {
		t.Errorf("%+v and %+v", a.Packs, b.Packs)
	}
	if _, err := jobcache.Pack(t.Context(), dirs, &errand.Cache{Key: "k", Paths: []string{"b", "~/c"}}, t.TempDir(), nil); !errors.Is(err, jobcache.ErrNothing) {
		t.Errorf("got %v", err)
	}
}

// TestWhatExistsIsKept: a folder of the job, or of the agent's user, is never changed.
func TestWhatExistsIsKept(t *testing.T) {
	t.Parallel()
	from, to := newDirs(t), newDirs(t)
	write(t, filepath.Join(from.Work, "a/b"), "theirs")
	write(t, filepath.Join(from.Home, ".profile"), "theirs")
	write(t, filepath.Join(from.Home, "free/x"), "theirs")
	write(t, filepath.Join(to.Work, "a/c"), "mine")
	write(t, filepath.Join(to.Home, ".profile"), "mine")
	c := &errand.Cache{Key: "k", Paths: []string{"a", "~/.profile", "~/free"}}
	m := open(t, pack(t, from, c))
	got, err := jobcache.Restore(t.Context(), to, c, m.Entries, m, archive.Limits{})
	must(t, err)
	if fmt.Sprint(got.Kept) != "[a ~/.profile]" {
		t.Errorf("kept %v", got.Kept)
	}
	mine, _ := os.ReadFile(filepath.Join(to.Home, ".profile"))
	if _, err := os.Stat(filepath.Join(to.Work, "a/b")); err == nil || string(mine) != "mine" {
		t.Errorf("what existed was changed: %q, %v", mine, err)
	}
}

// TestLinksLeadNowhere: neither packing nor restoring follows a link out of the folder, or
// packs what a link points to.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret/key"), "secret")
	from := newDirs(t)
	write(t, filepath.Join(from.Work, "a/x"), "x")
	must(t, os.Symlink(outside, filepath.Join(from.Work, "out")), os.Symlink(outside, filepath.Join(from.Home, ".cache")), os.Symlink(filepath.Join(outside, "secret"), filepath.Join(from.Work, "a/link")))
	for _, path := range []string{"out/secret", "~/.cache/secret", "out", "~/.cache"} {
		if p, err := jobcache.Pack(t.Context(), from, &errand.Cache{Key: "k", Paths: []string{path}}, t.TempDir(), nil); err == nil {
			t.Errorf("packed %s: %+v", path, p)
		}
	}
	p := pack(t, from, &errand.Cache{Key: "k", Paths: []string{"a"}})
	if p.Files != 2 || p.Bytes != 1 {
		t.Errorf("packed %+v, want a file and a link", p)
	}
	m := open(t, p)
	for _, path := range []string{"out/new", "~/.cache/new", "out", "~/.cache"} {
		c := &errand.Cache{Key: "k", Paths: []string{path}}
		if got, err := jobcache.Restore(t.Context(), from, c, m.Entries, m, archive.Limits{}); err == nil && len(got.Kept) == 0 {
			t.Errorf("restored %s: %+v", path, got)
		}
	}
	if got := tree(t, outside); strings.Count(got, "\n") != 2 {
		t.Errorf("outside is\n%s", got)
	}
}

// TestHostileCaches: whatever a worker has saved as a cache, nothing is written beside its
// paths, and nothing of it is left.
func TestHostileCaches(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	evil := []byte("evil")
	h := manifest.HashOf(evil)
	file := func(path string) manifest.Entry {
		return manifest.Entry{Path: path, Kind: manifest.File, Mode: 0o4755, Size: int64(len(evil)), Chunks: []manifest.Hash{h}}
	}
	dir := func(path string) manifest.Entry { return manifest.Entry{Path: path, Kind: manifest.Dir, Mode: 0o755} }
	link := func(path, to string) manifest.Entry {
		return manifest.Entry{Path: path, Kind: manifest.Symlink, Target: to}
	}
	for name, entries := range map[string][]manifest.Entry{
		"up":               {dir("00"), file("00/../../evil")},
		"up at once":       {file("00/../evil")},
		"absolute":         {dir("00"), file("00//etc/evil")},
		"through a link":   {dir("00"), link("00/a", "../.."), file("00/a/evil")},
		"twice":            {dir("00"), link("00/a", "../../evil"), file("00/a")},
		"out of order":     {dir("00"), file("00/b"), file("00/a")},
		"hard link":        {dir("00"), {Path: "00/a", Kind: manifest.HardLink, Target: "../../precious"}},
		"hard link within": {dir("00"), {Path: "00/a", Kind: manifest.HardLink, Target: "/etc/passwd"}},
		"no folder":        {file("00/a/b/c")},
		"a NUL":            {dir("00"), file("00/a\x00b")},
		"other content":    {dir("00"), {Path: "00/a", Kind: manifest.File, Size: 4, Chunks: []manifest.Hash{{1}}}},
		"longer":           {dir("00"), {Path: "00/a", Kind: manifest.File, Size: 3, Chunks: []manifest.Hash{h}}},
		"unknown kind":     {{Path: "00", Kind: 77}, file("00/a")},
	} {
		top := t.TempDir()
		dirs := jobcache.Dirs{Work: filepath.Join(top, "job", "work"), Home: filepath.Join(top, "home")}
		write(t, filepath.Join(top, "precious"), "precious")
		must(t, os.MkdirAll(dirs.Work, 0o755), os.MkdirAll(dirs.Home, 0o755))
		before := tree(t, top)
		c := &errand.Cache{Key: "k", Paths: []string{"a"}}
		got, err := jobcache.Restore(t.Context(), dirs, c, entries, chunks{h: evil}, archive.Limits{})
		if err == nil {
			t.Errorf("%s: restored %+v", name, got)
		}
		after := tree(t, top)
		if stripTimes(after) != stripTimes(before) {
			t.Errorf("%s:\n%s\nwant\n%s", name, after, before)
		}
	}
}

// stripTimes leaves names alone.
func stripTimes(tree string) string {
	var names []string
	for line := range strings.Lines(tree) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return strings.Join(names, "\n")
}

// TestRestoreAtOnce: two jobs of a worker restore the same path of a shared HOME. Each finds
// all of it.
func TestRestoreAtOnce(t *testing.T) {
	t.Parallel()
	from, to := newDirs(t), newDirs(t)
	for i := range 50 {
		write(t, filepath.Join(from.Home, "cache", fmt.Sprint(i)), "text")
	}
	c := &errand.Cache{Key: "k", Paths: []string{"~/cache"}}
	p := pack(t, from, c)
	m := open(t, p)
	var jobs sync.WaitGroup
	for range 8 {
		jobs.Go(func() {
			if _, err := jobcache.Restore(t.Context(), to, c, m.Entries, m, archive.Limits{}); err != nil {
				t.Error(err)
			}
			if list, err := os.ReadDir(filepath.Join(to.Home, "cache")); err != nil || len(list) != 50 {
				t.Errorf("%d files, %v", len(list), err)
			}
		})
	}
	jobs.Wait()
	if list, _ := os.ReadDir(to.Home); len(list) != 1 {
		t.Errorf("left: %v", list)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	dirs := newDirs(t)
	write(t, filepath.Join(dirs.Work, "go.sum"), "a sum")
	c := &errand.Cache{Key: `go-{{ checksum "go.sum" }}`, Prefixes: []string{"go-"}}
	key, prefixes, err := jobcache.Keys(dirs.Work, c)
	if want := "go-" + manifest.HashOf([]byte("a sum")).String(); err != nil || key != want || fmt.Sprint(prefixes) != "[go-]" {
		t.Errorf("%s, %v, %v; want %s", key, prefixes, err, want)
	}
	c.Key = `go-{{ checksum "missing" }}`
	if _, _, err := jobcache.Keys(dirs.Work, c); err == nil || !strings.Contains(err.Error(), `checksum of "missing"`) {
		t.Errorf("got %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "secret")
	must(t, os.Symlink(secret, filepath.Join(dirs.Work, "link")))
	c.Key = `go-{{ checksum "link" }}`
	if key, _, err := jobcache.Keys(dirs.Work, c); err == nil {
		t.Errorf("a file outside was read: %s", key)
	}
}

// TestPackCounts: what is packed is counted while it is packed.
func TestPackCounts(t *testing.T) {
	t.Parallel()
	dirs := newDirs(t)
	write(t, filepath.Join(dirs.Work, "a"), strings.Repeat("x", 1000))
	write(t, filepath.Join(dirs.Work, "b"), "not cached")
	clk := clock.NewManual(time.Unix(0, 0))
	var m meter.Meter
	said := ""
	defer m.Say(clk, "packing", func(line string) { said = line })()
	_, err := jobcache.Pack(t.Context(), dirs, &errand.Cache{Key: "k", Paths: []string{"a"}}, t.TempDir(), &m)
	must(t, err)
	if clk.Advance(5 * time.Second); said != "packing: 1.0 kB, 200 bytes/s" {
		t.Errorf("said %q", said)
	}
}
