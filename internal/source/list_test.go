package source_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/source"
)

func list(t *testing.T, g *errand.SourceGrant) ([]manifest.Entry, error) {
	t.Helper()
	f := source.Fetcher{Tries: 2, Wait: func(context.Context, int) error { return nil }}
	return f.List(t.Context(), g)
}

// noise is what can't be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b)
	return b
}

func zipGrant(t *testing.T, b *bucket, fill func(*zip.Writer) error) *errand.SourceGrant {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	if err := errors.Join(fill(z), z.Close()); err != nil {
		t.Fatal(err)
	}
	b.data["zip"] = out.Bytes()
	return &errand.SourceGrant{Download: errand.SignedRequest{Method: "GET", URL: b.url + "/zip"}}
}

// TestListReadsADirectoryAlone: of a ZIP, two requests read what it consists of.
func TestListReadsADirectoryAlone(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	at := time.Date(2025, 4, 5, 12, 0, 2, 0, time.UTC)
	g := zipGrant(t, b, func(z *zip.Writer) error {
		add := func(name string, mode fs.FileMode, content []byte) error {
			h := &zip.FileHeader{Name: name, Modified: at}
			h.SetMode(mode)
			w, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			_, err = w.Write(content)
			return err
		}
		return errors.Join(
			add("b-c", 0o640, noise(3<<20)),
			add("b/", 0o755|fs.ModeDir, nil),
			add("b/../x", 0o755, []byte("12345")),
			add("l", 0o777|fs.ModeSymlink, []byte("b-c")),
		)
	})
	got, err := list(t, g)
	want := []manifest.Entry{
		{Path: "b", Kind: manifest.Dir, Mode: 0o755, ModTime: at},
		{Path: "b/../x", Kind: manifest.File, Mode: 0o755, ModTime: at, Size: 5},
		{Path: "b-c", Kind: manifest.File, Mode: 0o640, ModTime: at, Size: 3 << 20},
		{Path: "l", Kind: manifest.Symlink, Mode: 0o777, ModTime: at},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n(-want +got):\n%s", err, diff)
	}
	if n := b.downloads(); n > 2 {
		t.Errorf("%d requests", n)
	}
}

// TestListOfAManifestReadsNoPackOfContents: only the root, which has all parts.
func TestListOfAManifestReadsNoPackOfContents(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("one", "two", "three")
	got, err := list(t, g)
	var want []manifest.Entry
	for i, size := range []int64{3, 3, 5} {
		want = append(want, manifest.Entry{Path: fmt.Sprintf("f%03d", i), Kind: manifest.File, Mode: 0o644, ModTime: time.Unix(1e9, 0), Size: size})
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n(-want +got):\n%s", err, diff)
	}
	if root, contents := b.getsOf(g.SHA256), b.getsOf(g.Packs[0]); root != 1 || contents != 0 {
		t.Errorf("%d requests for the root, %d for the contents; want 1 and 0", root, contents)
	}
}

// TestListFindsPartsInOtherPacks: what the folder had in common with an earlier one.
func TestListFindsPartsInOtherPacks(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	var part []byte
	parts := manifest.Parts{Each: func(p []byte) error { part = bytes.Clone(p); return nil }}
	e := manifest.Entry{Path: "f", Kind: manifest.Symlink, Mode: 0o777, ModTime: time.Unix(1, 0), Target: "../away"}
	if err := errors.Join(parts.Add(&e), parts.Flush()); err != nil {
		t.Fatal(err)
	}
	h := manifest.HashOf(part)
	var earlier, root, unread manifest.Packer
	earlier.Add(manifest.HashOf(noise(1<<20)), noise(1<<20))
	earlier.Add(h, part)
	g := b.grant(b.put(&root, &manifest.Tree{Parts: []manifest.Hash{h}, Entries: 1}), b.put(&earlier, nil), b.put(&unread, nil))
	got, err := list(t, g)
	if diff := cmp.Diff([]manifest.Entry{e}, got); diff != "" || err != nil {
		t.Errorf("%v\n(-want +got):\n%s", err, diff)
	}
	if b.getsOf(g.Packs[1]) != 0 {
		t.Error("a pack was read without need")
	}
}

// TestListRefuses what isn't a list, or is too long.
func TestListRefuses(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	html := &errand.SourceGrant{Download: errand.SignedRequest{Method: "GET", URL: b.url + "/html"}}
	b.data["html"] = []byte("<html>")
	whole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(noise(100)) }))
	t.Cleanup(whole.Close)
	noRoot := b.folderOf("one")
	noRoot.SHA256, noRoot.Download = noRoot.Packs[0], noRoot.Downloads[0]
	noPart := b.grant(b.put(&manifest.Packer{}, &manifest.Tree{Parts: []manifest.Hash{{1}}, Entries: 1}))
	long := b.grant(b.put(&manifest.Packer{}, &manifest.Tree{Entries: archive.DefaultMaxFiles + 1}))
	for name, tt := range map[string]struct {
		g    *errand.SourceGrant
		want error
	}{
		"gone":                    {b.grant("nothing"), source.ErrUnavailable},
		"without ranges":          {&errand.SourceGrant{Download: errand.SignedRequest{Method: "GET", URL: whole.URL}}, source.ErrUnavailable},
		"not a ZIP":               {html, zip.ErrFormat},
		"a pack without a tree":   {noRoot, nil},
		"a part that no pack has": {noPart, nil},
		"too many entries":        {long, archive.ErrTooLarge},
	} {
		got, err := list(t, tt.g)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tt.want)
		}
	}
}

// TestListTriesAgain: after an answer that may pass.
func TestListTriesAgain(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	g := b.folderOf("one")
	n := 0
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b.ServeHTTP(w, r)
	}))
	t.Cleanup(flaky.Close)
	g.Download.URL = flaky.URL + "/" + g.SHA256
	if got, err := list(t, g); err != nil || len(got) != 1 || n != 2 {
		t.Errorf("%v, %v after %d requests", got, err, n)
	}
}
