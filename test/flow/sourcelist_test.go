package flow

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/manifest"
	sources "github.com/errandhq/errand/internal/source"
)

// listed is a folder as both kinds of source describe it.
var listed = []manifest.Entry{
	{Path: "<b>", Kind: manifest.File, Mode: 0o640, ModTime: time.Unix(1_700_000_000, 0).UTC(), Size: 2 << 20},
	{Path: "dir", Kind: manifest.Dir, Mode: 0o755, ModTime: time.Unix(1_700_000_001, 0).UTC()},
}

func zipOf(t *testing.T, content []byte) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, name := range []string{"<b>", "dir/"} {
		h := &zip.FileHeader{Name: name, Modified: listed[i].ModTime} // stored, not compressed
		h.SetMode(listed[i].Mode)
		w, err := z.CreateHeader(h)
		if err == nil && i == 0 {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// packsOf are the packs of a folder: the root, and one of the content.
func packsOf(t *testing.T, content []byte) (root, contents string) {
	t.Helper()
	var r, c manifest.Packer
	h := manifest.HashOf(content)
	c.Add(h, content)
	tree := &manifest.Tree{Entries: len(listed)}
	parts := manifest.Parts{Each: func(p []byte) error {
		tree.Parts = append(tree.Parts, manifest.HashOf(p))
		r.Add(manifest.HashOf(p), bytes.Clone(p))
		return nil
	}}
	for _, e := range listed {
		if e.Kind == manifest.File {
			e.Chunks = []manifest.Hash{h}
		}
		if err := parts.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	pack, err := c.Finish(nil)
	if err = errors.Join(err, parts.Flush()); err != nil {
		t.Fatal(err)
	}
	top, err := r.Finish(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(top.Data), string(pack.Data)
}

// byteCounter counts the bytes of answers.
type byteCounter struct {
	next  http.RoundTripper
	bytes atomic.Int64
}

func (c *byteCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		c.bytes.Add(resp.ContentLength)
	}
	return resp, err
}

// TestAJobsFolderIsListed: by whoever may read the job, and nobody else; without the API
// and without the contents, as long as the uploads are kept.
func TestAJobsFolderIsListed(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 2<<20/16)
	for i := range content { // hard to compress
		content[i] ^= byte(i * i >> 7)
	}
	for _, format := range []string{errand.FormatZIP, errand.FormatManifest} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, nil)
			var s *errand.Source
			if format == errand.FormatZIP {
				s = w.upload(w.user, zipOf(t, content))
			} else {
				root, contents := packsOf(t, content)
				s = w.packs(w.user, root, contents)
			}
			job := w.create(func(spec *errand.Spec) { spec.Source = s })
			bob := w.user
			bob.Owner = "bob"
			_, err := w.svc.Source(w.ctx, bob, job.Spec.ID)
			wantCode(t, err, errand.CodeJobNotFound)
			_, err = w.svc.Source(w.ctx, bob, strings.Repeat("0", 26))
			wantCode(t, err, errand.CodeJobNotFound)
			admin := bob
			admin.Role = errand.RoleAdmin
			_, err = w.svc.Source(w.ctx, admin, job.Spec.ID)
			wantCode(t, err, "")

			g, err := w.svc.Source(w.ctx, w.user, job.Spec.ID)
			wantCode(t, err, "")
			for _, get := range append(g.Downloads, g.Download) {
				if !strings.Contains(get.URL, "/uploads/ann/") {
					t.Errorf("an address that isn't of the owner's: %s", get.URL)
				}
			}
			traffic := &byteCounter{next: w.s3().Transport}
			f := sources.Fetcher{HTTP: &http.Client{Transport: traffic}, Tries: 1, Wait: func(context.Context, int) error { return nil }}
			got, err := f.List(w.ctx, g)
			if diff := cmp.Diff(listed, utcTimes(got)); err != nil || diff != "" {
				t.Errorf("%v\n(-want +got):\n%s", err, diff)
			}
			if n := traffic.bytes.Load(); n > 600<<10 {
				t.Errorf("%d bytes were read for a list", n)
			}
			wantCode(t, w.svc.Blobs.Remove(w.ctx, []string{errand.UploadKey("ann", s.SHA256)}), "")
			if _, err := f.List(w.ctx, g); !errors.Is(err, sources.ErrUnavailable) {
				t.Errorf("when the upload is gone: %v", err)
			}
		})
	}
}

func utcTimes(all []manifest.Entry) []manifest.Entry {
	for i := range all {
		all[i].ModTime = all[i].ModTime.UTC()
	}
	return all
}

// TestAJobWithoutAFolderHasNoList: it is no error.
func TestAJobWithoutAFolderHasNoList(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	if g, err := w.svc.Source(w.ctx, w.user, w.create().Spec.ID); g != nil || err != nil {
		t.Errorf("%+v, %v", g, err)
	}
}
