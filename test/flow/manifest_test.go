package flow

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestTwoOwnersWithTheSameFile: each sends it, has its own object, and the answer to
// neither depends on the other's, nor does the work for it, which takes its time.
func TestTwoOwnersWithTheSameFile(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	bob := w.user
	bob.Owner = "bob"
	ask := func(c control.Caller, text string) (errand.Upload, map[string]int64) {
		t.Helper()
		before := w.stack.Usage()
		_, r := archive(text)
		all, err := w.svc.CreateUploads(w.ctx, c, errand.UploadBatch{Uploads: []errand.UploadRequest{r}})
		wantCode(t, err, "")
		calls := map[string]int64{}
		for name, u := range w.stack.Usage() {
			if n := u.Calls - before[name].Calls; n > 0 {
				calls[name] = n
			}
		}
		return all.Uploads[0], calls
	}
	anns := w.packs(w.user, "the same file")
	up, calls := ask(bob, "the same file")
	other, otherCalls := ask(bob, "nobody's file")
	if up.Exists || other.Exists {
		t.Errorf("bob is told of ann's: %+v, %+v", up, other)
	}
	if diff := cmp.Diff(otherCalls, calls); diff != "" || calls["s3.HeadObject"] != 1 {
		t.Errorf("a file that another owner has costs other calls than one that nobody has (-nobody's +ann's):\n%s", diff)
	}
	bobs := w.packs(bob, "the same file")
	if again, _ := ask(bob, "the same file"); !again.Exists {
		t.Error("bob's own is not found")
	}
	if got := w.stored("uploads/"); len(got) != 2 {
		t.Errorf("stored: %q", got)
	}
	wantCode(t, w.svc.Blobs.Remove(w.ctx, []string{errand.UploadKey("ann", anns.SHA256)}), "")
	s := spec("ls")
	s.Source = bobs
	_, err := w.svc.CreateJob(w.ctx, bob, s, control.CreateOptions{})
	wantCode(t, err, "")
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
}
