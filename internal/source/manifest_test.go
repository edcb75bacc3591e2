package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/meter"
	"github.com/errandhq/errand/internal/source"
)

// bucket serves packs by their hash, and counts the GETs of each.
type bucket struct {
	t    *testing.T
	url  string
	mu   sync.Mutex
	data map[string][]byte
	gets map[string]int

	damage  func(pack []byte) []byte // of the first damaged GETs of each
	damaged int
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{t: t, data: map[string][]byte{}, gets: map[string]int{}}
	srv := httptest.NewServer(b)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	data, ok := b.data[r.URL.Path[1:]]
	b.gets[r.URL.Path[1:]]++
	if ok && b.gets[r.URL.Path[1:]] <= b.damaged {
		data = b.damage(bytes.Clone(data))
	}
	b.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// downloads are the GETs since the last call.
func (b *bucket) downloads() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.gets {
		n += k
	}
	clear(b.gets)
	return n
}

// damages the first n GETs of each pack.
func (b *bucket) damages(n int, damage func(pack []byte) []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.damage, b.damaged = damage, n
}

// getsOf may be asked while a download that was given up is still being answered.
func (b *bucket) getsOf(pack string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gets[pack]
}

func (b *bucket) put(p *manifest.Packer, tree *manifest.Tree) string {
	pack := finish(p, tree)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data[pack.Hash.String()] = pack.Data
	return pack.Hash.String()
}

func (b *bucket) grant(root string, others ...string) *errand.SourceGrant {
	get := func(sha256 string) errand.SignedRequest {
		return errand.SignedRequest{Method: "GET", URL: b.url + "/" + sha256}
	}
	g := &errand.SourceGrant{Source: errand.Source{SHA256: root, Format: errand.FormatManifest, Packs: others}, Download: get(root), Owner: "ann"}
	for _, o := range others {
		g.Downloads = append(g.Downloads, get(o))
	}
	return g
}

// folderOf is the grant of a folder of files: their contents lie in one pack, the manifest in the
// root.
func (b *bucket) folderOf(files ...string) *errand.SourceGrant {
	b.t.Helper()
	var contents, root manifest.Packer
	tree := &manifest.Tree{}
	parts := manifest.Parts{Each: func(part []byte) error {
		h := manifest.HashOf(part)
		root.Add(h, part)
		tree.Parts = append(tree.Parts, h)
		return nil
	}}
	for i, text := range files {
		h := manifest.HashOf([]byte(text))
		contents.Add(h, []byte(text))
		e := manifest.Entry{Path: fmt.Sprintf("f%03d", i), Kind: manifest.File, Mode: 0o644, ModTime: time.Unix(1e9, 0), Size: int64(len(text)), Chunks: []manifest.Hash{h}}
		tree.Entries++
		tree.Bytes += e.Size
		if err := parts.Add(&e); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := parts.Flush(); err != nil {
		b.t.Fatal(err)
	}
	pack := b.put(&contents, nil)
	return b.grant(b.put(&root, tree), pack)
}

func unpack(t *testing.T, g *errand.SourceGrant, c *source.Cache) (string, error) {
	t.Helper()
	dir := t.TempDir()
	f := source.Fetcher{Tries: 2, Wait: func(context.Context, int) error { return nil }}
	work := filepath.Join(dir, "work")
	_, err := f.Unpack(t.Context(), g, source.Target{Dir: work, Scratch: dir, Cache: c})
	if left, _ := os.ReadDir(dir); err == nil && (len(left) != 1 || left[0].Name() != "work") {
		t.Errorf("left beside the folder: %v", left)
	}
	return work, err
}

func wantFile(t *testing.T, work, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(work, name)); err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
}

func TestManifestIsUnpackedWithAndWithoutACache(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("first", "second")
	cache := source.OpenCache(t.TempDir(), 1<<30)
	for i, tt := range []struct {
		cache *source.Cache
		want  int
	}{{nil, 2}, {nil, 2}, {cache, 2}, {cache, 0}} {
		work, err := unpack(t, g, tt.cache)
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, work, "f000", "first")
		wantFile(t, work, "f001", "second")
		if got := b.downloads(); got != tt.want {
			t.Errorf("run %d: %d downloads, want %d", i, got, tt.want)
		}
	}
}

// TestARewrittenCacheIsNotUsed: a job can write to the cache, since it runs as the same
// user. What it writes reaches no other job.
func TestARewrittenCacheIsNotUsed(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("the true content", strings.Repeat("long ", 1000))
	evil := b.folderOf("some evil stuff!", strings.Repeat("LONG ", 1000))
	var both manifest.Packer
	evilIndex, err := manifest.ReadIndex(bytes.NewReader(b.data[evil.SHA256]), int64(len(b.data[evil.SHA256])))
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range []string{evil.SHA256, evil.Packs[0]} {
		r := bytes.NewReader(b.data[pack])
		x, err := manifest.ReadIndex(r, r.Size())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range x.Frames {
			raw, err := f.Read(r)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range f.Chunks {
				both.Add(h, raw[f.Starts[i]:f.Starts[i+1]])
			}
		}
	}
	evilRoot := finish(&both, evilIndex.Tree).Data
	for name, rewrite := range map[string]func(pack []byte) []byte{
		"another pack":               func([]byte) []byte { return b.data[evil.Packs[0]] },
		"the root of another folder": func([]byte) []byte { return evilRoot },
		"nothing":                    func([]byte) []byte { return nil },
		"cut":                        func(p []byte) []byte { return p[:len(p)-1] },
		"text":                       func([]byte) []byte { return []byte("rm -rf /") },
		"one byte": func(p []byte) []byte {
			p[10] ^= 1
			return p
		},
		"an index that leaves content out": func([]byte) []byte {
			var p manifest.Packer
			return finish(&p, nil).Data
		},
		"an index that lies": func([]byte) []byte {
			var p manifest.Packer
			p.Add(manifest.HashOf([]byte("the true content")), []byte("some evil stuff!"))
			return finish(&p, nil).Data
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cache := source.OpenCache(dir, 1<<30)
			if _, err := unpack(t, g, cache); err != nil {
				t.Fatal(err)
			}
			b.downloads()
			for _, pack := range []string{g.SHA256, g.Packs[0]} {
				path := filepath.Join(dir, "ann", pack)
				old, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, rewrite(old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			work, err := unpack(t, g, cache)
			if err != nil {
				t.Fatal(err)
			}
			wantFile(t, work, "f000", "the true content")
			if got := b.downloads(); got != 2 {
				t.Errorf("%d downloads, want both again", got)
			}
		})
	}
}

// TestADamagedDownloadIsFoundAndFetchedAgain: packs are checked when they are read, and a
// download that was found damaged is followed by one that is checked as a whole.
func TestADamagedDownloadIsFoundAndFetchedAgain(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(pack []byte) []byte{
		"content":   func(p []byte) []byte { p[10] ^= 1; return p },
		"the index": func(p []byte) []byte { p[len(p)-20] ^= 1; return p },
		"the end":   func(p []byte) []byte { p[len(p)-1] ^= 1; return p },
		"cut":       func(p []byte) []byte { return p[:len(p)-1] },
		"nothing":   func([]byte) []byte { return nil },
		"no content": func([]byte) []byte {
			var p manifest.Packer
			return finish(&p, nil).Data
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(t) // of its own: a GET that the last pack's failure ended may still come
			g := b.folderOf("the true content", strings.Repeat("long ", 1000))
			b.damages(1, damage)
			cache := source.OpenCache(t.TempDir(), 1<<30)
			for _, want := range []int{4, 0} {
				work, err := unpack(t, g, cache)
				if err != nil {
					t.Fatal(err)
				}
				wantFile(t, work, "f000", "the true content")
				if got := b.downloads(); got != want {
					t.Errorf("%d downloads, want %d", got, want)
				}
			}
			b.damages(100, damage)
			_, err := unpack(t, g, nil)
			if !errors.Is(err, source.ErrUnavailable) || !regexp.MustCompile("the upload had ("+g.SHA256+"|"+g.Packs[0]+")").MatchString(err.Error()) {
				t.Errorf("always damaged: got %v", err)
			}
			if got := max(b.getsOf(g.SHA256), b.getsOf(g.Packs[0])); got != 3 { // the first one's failure ends the other's
				t.Errorf("always damaged: %d downloads of a pack, want 3", got)
			}
		})
	}
}

// TestOwnersShareNoCache: another owner's job that names a pack downloads it with its own
// permission, although the worker has it.
func TestOwnersShareNoCache(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	dir := t.TempDir()
	cache := source.OpenCache(dir, 1<<30)
	g := b.folderOf("secret")
	if _, err := unpack(t, g, cache); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"bob", "../ann", "x/../ann", ""} {
		theirs := *g
		theirs.Owner = owner
		theirs.Downloads = []errand.SignedRequest{{Method: "GET", URL: b.url + "/forbidden"}}
		if _, err := unpack(t, &theirs, cache); !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("%q: got %v", owner, err)
		}
	}
}

func TestManifestsThatLie(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("a", "b")
	var empty manifest.Packer
	noTree := b.grant(b.put(&empty, nil))
	noPacks := b.grant(g.SHA256)
	gone := b.grant(g.SHA256, strings.Repeat("0", 64))
	text := b.grant(strings.Repeat("1", 64))
	b.data[strings.Repeat("1", 64)] = []byte("text")
	tree := func(tree *manifest.Tree) *errand.SourceGrant {
		var p manifest.Packer
		p.Add(manifest.HashOf([]byte("fx")), []byte("fx"))
		return b.grant(b.put(&p, tree))
	}
	part := []manifest.Hash{manifest.HashOf([]byte("fx"))}
	for name, tt := range map[string]struct {
		g    *errand.SourceGrant
		want string
	}{
		"not a root":              {noTree, "not the root of a manifest"},
		"content in no pack":      {noPacks, "no pack of the job has the content"},
		"a pack that is gone":     {gone, "source archive is not available"},
		"another hash":            {text, "the upload had 1111"},
		"a damaged part":          {tree(&manifest.Tree{Parts: part, Entries: 1}), "the manifest is damaged"},
		"more entries":            {tree(&manifest.Tree{Entries: 1}), "fewer entries than it says"},
		"more entries than may":   {tree(&manifest.Tree{Entries: 1 << 30}), "entries, the limit is"},
		"parts that aren't there": {tree(&manifest.Tree{Parts: []manifest.Hash{{1}}}), "no pack of the job has the content"},
	} {
		if _, err := unpack(t, tt.g, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %q", name, err, tt.want)
		}
	}
}

// TestCacheKeepsItsSize, and what was used last.
func TestCacheKeepsItsSize(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	dir := t.TempDir()
	text := func(i int) string { return fmt.Sprint(i, strings.Repeat(fmt.Sprint(time.Duration(i)), 10)) }
	var grants []*errand.SourceGrant
	size := int64(0)
	for i := range 6 {
		g := b.folderOf(text(i))
		size = int64(len(b.data[g.SHA256]) + len(b.data[g.Packs[0]]))
		grants = append(grants, g)
	}
	cache := source.OpenCache(dir, 3*size+size/2)
	for _, i := range []int{0, 1, 2, 0, 3, 0, 4} {
		grants[i].Size = size
		if _, err := unpack(t, grants[i], cache); err != nil {
			t.Fatal(err)
		}
	}
	b.downloads()
	for _, tt := range []struct{ grant, want int }{{4, 0}, {0, 0}, {1, 2}} {
		if _, err := unpack(t, grants[tt.grant], cache); err != nil {
			t.Fatal(err)
		}
		if got := b.downloads(); got != tt.want {
			t.Errorf("folder %d: %d downloads, want %d", tt.grant, got, tt.want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ann", strings.Repeat("2", 64)+".part"), []byte("unfinished"), 0o600); err != nil {
		t.Fatal(err)
	}
	if source.OpenCache(dir, 0) != nil {
		t.Error("a cache of no bytes is one")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestCacheMakesRoom: packs go before a job fails for want of room, the oldest first.
func TestCacheMakesRoom(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	dir := t.TempDir()
	cache := source.OpenCache(dir, 1<<30)
	for i := range 3 {
		if _, err := unpack(t, b.folderOf(fmt.Sprint(i)), cache); err != nil {
			t.Fatal(err)
		}
	}
	if cache = source.OpenCache(dir, 1<<30); cache.Bytes() == 0 {
		t.Error("a new process thinks that the cache is empty")
	}
	cache.MakeRoom(0)
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) != 6 {
		t.Errorf("there is room, and %d packs are left, %v", len(left), err)
	}
	cache.MakeRoom(1 << 60)
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) > 0 || cache.Bytes() != 0 {
		t.Errorf("left: %v (%d bytes), %v", left, cache.Bytes(), err)
	}
}

// TestJobsDownloadAPackOnce, also when they need it at the same time.
func TestJobsDownloadAPackOnce(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("shared")
	cache := source.OpenCache(t.TempDir(), 1<<30)
	var jobs sync.WaitGroup
	for range 8 {
		jobs.Go(func() {
			if work, err := unpack(t, g, cache); err != nil {
				t.Error(err)
			} else {
				wantFile(t, work, "f000", "shared")
			}
		})
	}
	jobs.Wait()
	if got := b.downloads(); got != 2 {
		t.Errorf("%d downloads, want 2", got)
	}
}

func TestAFolderThatDoesNotFitIsRefusedBeforeItIsFetched(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("small")
	g.UnpackedBytes = 1 << 60
	_, err := unpack(t, g, nil)
	if err == nil || !strings.Contains(err.Error(), "the folder has 1152921504606846976 bytes, and the disk of this worker has ") || b.downloads() > 0 {
		t.Errorf("got %v", err)
	}
	var p manifest.Packer
	var e []manifest.Hash
	part := manifest.Parts{Each: func(b []byte) error { h := manifest.HashOf(b); p.Add(h, b); e = append(e, h); return nil }}
	_ = part.Add(&manifest.Entry{Path: "f", Kind: manifest.File, Size: 1 << 60})
	_ = part.Flush()
	_, err = unpack(t, b.grant(b.put(&p, &manifest.Tree{Parts: e, Entries: 1})), nil)
	if err == nil || !strings.Contains(err.Error(), "the disk of this worker has ") && !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func finish(p *manifest.Packer, tree *manifest.Tree) manifest.Pack {
	pack, err := p.Finish(tree)
	if err != nil {
		panic(err) // it writes to memory
	}
	return pack
}

// TestMeter: the meter counts the packs that are downloaded, and then what is read of them.
func TestMeter(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf(strings.Repeat("x", 700), strings.Repeat("y", 300))
	for _, pack := range b.data {
		g.Size += int64(len(pack))
	}
	clk := clock.NewManual(time.Unix(0, 0))
	var m meter.Meter
	var said []string
	defer m.Say(clk, "it", func(line string) { said = append(said, line) })()
	stage := func(name string) {
		if name == source.StageUnpack {
			m.Add(1) // the meter has begun anew
			clk.Advance(5 * time.Second)
			m.Add(-1)
		}
	}
	to := source.Target{Dir: t.TempDir(), Scratch: t.TempDir(), Stage: stage}
	if _, err := (source.Fetcher{Meter: &m}).Unpack(t.Context(), g, to); err != nil {
		t.Fatal(err)
	}
	clk.Advance(5 * time.Second)
	if want := []string{"it: 1 bytes of 1.0 kB, 0 bytes/s", "it: 1.0 kB of 1.0 kB, 100 bytes/s"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
