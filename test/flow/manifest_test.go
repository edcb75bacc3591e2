package flow

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// packs sends packs as their owner, and returns the source that a manifest in the first
// is.
func (w *world) packs(c control.Caller, texts ...string) *errand.Source {
	w.t.Helper()
	var b errand.UploadBatch
	for _, text := range texts {
		_, r := archive(text)
		b.Uploads = append(b.Uploads, r)
	}
	all, err := w.svc.CreateUploads(w.ctx, c, b)
	wantCode(w.t, err, "")
	source := &errand.Source{SHA256: b.Uploads[0].SHA256, Format: errand.FormatManifest}
	for i, up := range all.Uploads {
		if i > 0 {
			source.Packs = append(source.Packs, up.SHA256)
		}
		if up.Exists {
			continue
		}
		if s, answer := w.send(*up.Put, []byte(texts[i])); s != http.StatusOK {
			w.t.Fatalf("upload: HTTP %d: %s", s, answer)
		}
	}
	return source
}

// TestManifestReachesAWorkerThatKnowsIt: with the downloads of all packs.
func TestManifestReachesAWorkerThatKnowsIt(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	job := w.create(source(w.packs(w.user, "root", "first pack", "second")))
	w.worker("a").take(false)
	w.clock.Advance(6 * time.Second)
	a := w.worker("b").withFeatures(errand.FeatureManifest).take(true)
	if a.JobID != job.Spec.ID || a.Source.Owner != "ann" || a.Source.Size != int64(len("root"+"first pack"+"second")) || len(a.Source.Downloads) != 2 {
		t.Fatalf("got %+v", a.Source)
	}
	for i, want := range []string{"root", "first pack", "second"} {
		get := a.Source.Download
		if i > 0 {
			get = a.Source.Downloads[i-1]
		}
		if s, b := w.get(get); s != http.StatusOK || string(b) != want {
			t.Errorf("HTTP %d: %q, want %q", s, b, want)
		}
	}
}

// TestAHashGivesNobodyAnything: an owner who knows the hashes of another's packs learns
// nothing by asking, can't use them in a manifest, and can't have them sent.
func TestAHashGivesNobodyAnything(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	ann := w.packs(w.user, "ann's root", "ann's pack")
	bob := w.user
	bob.Owner = "bob"

	_, known := archive("ann's pack")
	_, unknown := archive("nobody's pack")
	all, err := w.svc.CreateUploads(w.ctx, bob, errand.UploadBatch{Uploads: []errand.UploadRequest{known, unknown}})
	wantCode(t, err, "")
	for i, up := range all.Uploads {
		if up.Exists || up.Put == nil {
			t.Errorf("upload %d: %+v, want one that is to be sent", i, up)
		}
	}
	s := spec("ls")
	s.Source = ann
	_, err = w.svc.CreateJob(w.ctx, bob, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
	mixed := w.packs(bob, "bob's root")
	mixed.Packs = ann.Packs
	s.Source = mixed
	_, err = w.svc.CreateJob(w.ctx, bob, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
	var e *errand.Error
	if want := "source.packs[0]"; !errors.As(err, &e) || e.Field != want {
		t.Errorf("the error is %v, want one of %q", err, want)
	}
}

// TestPacksMustOutliveTheWaitOfAJob: one that is older than 9 days counts as missing.
func TestPacksMustOutliveTheWaitOfAJob(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.packs(w.user, "old")
	w.clock.Advance(w.svc.Timing.UploadLifetime - w.svc.Timing.UploadMargin - time.Minute)
	s := spec("ls")
	s.Source = w.packs(w.user, "root", "old")
	_, err := w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, "")
	w.clock.Advance(2 * time.Minute)
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
	s.Source = w.packs(w.user, "root", "old") // sends it again
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, "")
}

// TestManyPacksAreOneQuestion: as many as a manifest may name.
func TestManyPacksAreOneQuestion(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	texts := []string{"root"}
	for i := range errand.MaxPacks - 1 {
		texts = append(texts, fmt.Sprint("pack ", i))
	}
	job := w.create(source(w.packs(w.user, texts...)))
	if a := w.worker("b").withFeatures(errand.FeatureManifest).take(true); len(a.Source.Downloads) != len(job.Spec.Source.Packs) {
		t.Errorf("%d downloads of %d packs", len(a.Source.Downloads), len(job.Spec.Source.Packs))
	}
}
