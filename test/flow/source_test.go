package flow

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// archive is some bytes and the request to upload them.
func archive(text string) ([]byte, errand.UploadRequest) {
	sum := sha256.Sum256([]byte(text))
	return []byte(text), errand.UploadRequest{Filename: "a.zip", Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

// upload sends an archive as its owner.
func (w *world) upload(c control.Caller, text string) *errand.Source {
	w.t.Helper()
	b, r := archive(text)
	up, err := w.svc.CreateUpload(w.ctx, c, r)
	wantCode(w.t, err, "")
	if up.Exists || up.Put == nil {
		w.t.Fatalf("upload %+v, want a request", up)
	}
	if s, answer := w.send(*up.Put, b); s != http.StatusOK {
		w.t.Fatalf("upload: HTTP %d: %s", s, answer)
	}
	return &errand.Source{SHA256: r.SHA256, Filename: r.Filename}
}

func source(s *errand.Source) func(*errand.Spec) { return func(spec *errand.Spec) { spec.Source = s } }

// TestSourceReachesTheWorker: upload, create, assignment, download.
func TestSourceReachesTheWorker(t *testing.T) {
	w := newWorld(t)
	w.create(source(w.upload(w.user, "the folder")))
	a := w.worker("a").take(true)
	if a.Source == nil || a.Source.Size != int64(len("the folder")) || a.Source.Filename != "a.zip" {
		t.Fatalf("source %+v", a.Source)
	}
	if s, b := w.get(a.Source.Download); s != http.StatusOK || string(b) != "the folder" {
		t.Errorf("HTTP %d: %q", s, b)
	}
	w.clock.Advance(time.Duration(a.Source.Download.ExpiresSeconds+1) * time.Second)
	if s, _ := w.get(a.Source.Download); s != http.StatusForbidden {
		t.Errorf("after its time: HTTP %d, want 403", s)
	}
}

// TestUploadIsExact: no other bytes, no other length, no other name.
func TestUploadIsExact(t *testing.T) {
	w := newWorld(t)
	b, r := archive("the folder")
	up, err := w.svc.CreateUpload(w.ctx, w.user, r)
	wantCode(t, err, "")
	for name, body := range map[string][]byte{"other bytes": []byte("the FOLDER"), "more": append(b[:len(b):len(b)], '!'), "fewer": b[1:]} {
		if s, _ := w.send(*up.Put, body); s < 400 {
			t.Errorf("%s: HTTP %d", name, s)
		}
	}
	for _, header := range []string{"X-Amz-Checksum-Sha256", "X-Amz-Sdk-Checksum-Algorithm"} {
		other := *up.Put
		other.Header = map[string]string{}
		for k, v := range up.Put.Header {
			if k != header {
				other.Header[k] = v
			}
		}
		if len(other.Header) == len(up.Put.Header) {
			continue
		}
		if s, _ := w.send(other, b); s < 400 {
			t.Errorf("without %s: HTTP %d", header, s)
		}
	}
	moved := *up.Put
	moved.URL = string(bytes.Replace([]byte(moved.URL), []byte("/uploads/ann/"), []byte("/uploads/bob/"), 1))
	if s, _ := w.send(moved, b); moved.URL == up.Put.URL || s != http.StatusForbidden {
		t.Errorf("as another owner: HTTP %d, want 403", s)
	}
	if _, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "ls"}}, Source: &errand.Source{SHA256: r.SHA256}}, control.CreateOptions{}); errand.CodeOf(err) != errand.CodeSourceNotFound {
		t.Errorf("create after refused uploads: %v", err)
	}
}

// TestUploadIsReused: the same bytes again need no upload, for their owner, and
// for as long as they outlive the wait of a job.
func TestUploadIsReused(t *testing.T) {
	w := newWorld(t)
	src := w.upload(w.user, "the folder")
	_, r := archive("the folder")
	exists := func(c control.Caller) bool {
		up, err := w.svc.CreateUpload(w.ctx, c, r)
		wantCode(t, err, "")
		return up.Exists
	}
	bob := w.user
	bob.Owner = "bob"
	s := spec("ls")
	s.Source = src
	if !exists(w.user) || exists(bob) {
		t.Error("it must be there for ann, and not for bob")
	}
	_, err := w.svc.CreateJob(w.ctx, bob, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)

	w.clock.Advance(w.svc.Timing.UploadLifetime - w.svc.Timing.UploadMargin - time.Minute)
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, "")
	w.clock.Advance(2 * time.Minute)
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
	w.upload(w.user, "the folder") // fails if it is said to be there
	_, err = w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, "")
}
