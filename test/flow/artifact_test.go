package flow

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// newContent is some bytes and their name.
func newContent(text string) ([]byte, errand.Content) {
	sum := sha256.Sum256([]byte(text))
	return []byte(text), errand.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

func newArtifactList(files ...errand.ArtifactFile) ([]byte, errand.Content) {
	b, _ := json.Marshal(errand.ArtifactList{Files: files})
	return newContent(string(b))
}

func artifacts(patterns ...string) func(*errand.Spec) {
	return func(s *errand.Spec) {
		for _, p := range patterns {
			s.Artifacts = append(s.Artifacts, errand.Artifact{Path: p})
		}
	}
}

// takeWithArtifacts has a worker take a job that gives back files.
func (w *world) takeWithArtifacts() (*worker, *errand.Assignment) {
	w.t.Helper()
	w.create(artifacts("dist/**"))
	k := w.worker("a").withFeatures(errand.FeatureArtifacts)
	a := k.take(true)
	k.beat(a)
	return k, a
}

func (k *worker) sign(a *errand.Assignment, uploads ...errand.ArtifactUpload) ([]errand.ArtifactGrant, error) {
	return k.svc.SignArtifacts(k.ctx, k.caller, k.report(a), uploads)
}

// send sends a content of up to errand.SinglePutBytes.
func (k *worker) sendContent(a *errand.Assignment, body []byte, c errand.Content) {
	k.t.Helper()
	grants, err := k.sign(a, errand.ArtifactUpload{Content: c})
	wantCode(k.t, err, "")
	if status, answer := k.send(*grants[0].Put, body); status != http.StatusOK {
		k.t.Fatalf("PUT: HTTP %d %s", status, answer)
	}
}

// giveBack ends the attempt with a list of artifacts.
func (k *worker) giveBack(a *errand.Assignment, files ...errand.ArtifactFile) {
	k.t.Helper()
	list, content := newArtifactList(files...)
	k.sendContent(a, list, content)
	_, err := k.svc.SubmitResult(k.ctx, k.caller, k.report(a), errand.Result{Artifacts: &errand.Artifacts{Files: len(files), List: &content, Missing: []string{"*.xml"}}})
	wantCode(k.t, err, "")
}

// TestArtifactsComeBack: what a worker sends, the job's owner can list and fetch, in
// pages and by pattern; nobody else can.
func TestArtifactsComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, a := w.takeWithArtifacts()
	body, content := newContent("the program")
	k.sendContent(a, body, content)
	file := func(path string) errand.ArtifactFile {
		return errand.ArtifactFile{Path: path, Content: content, Mode: "0755", ModifiedAt: w.clock.Now().Add(-time.Hour)}
	}
	k.giveBack(a, file("dist/app"), errand.ArtifactFile{Path: "dist/app.link", Link: "app", Mode: "0777"}, file("dist/é ü.bin"))
	page, err := w.svc.Artifacts(w.ctx, w.user, control.ArtifactsRequest{JobID: a.JobID, Limit: 2})
	wantCode(t, err, "")
	if page.Attempt != 1 || page.Status != errand.Completed || page.Sums.Files != 3 || page.Sums.Missing[0] != "*.xml" || len(page.Files) != 2 || page.Next != 2 {
		t.Fatalf("first page %+v", page)
	}
	if f := page.Files[0]; f.Path != "dist/app" || f.Perm() != 0o755 || !f.ModifiedAt.Equal(file("").ModifiedAt) {
		t.Errorf("file %+v", f)
	}
	if s, b := w.get(*page.Files[0].Download); s != http.StatusOK || !bytes.Equal(b, body) {
		t.Errorf("download: HTTP %d %q", s, b)
	}
	if f := page.Files[1]; f.Link != "app" || f.Download != nil {
		t.Errorf("link %+v", f)
	}
	page, err = w.svc.Artifacts(w.ctx, w.user, control.ArtifactsRequest{JobID: a.JobID, Offset: page.Next})
	wantCode(t, err, "")
	if len(page.Files) != 1 || page.Files[0].Path != "dist/é ü.bin" || page.Next != 0 {
		t.Errorf("last page %+v", page)
	}
	page, err = w.svc.Artifacts(w.ctx, w.user, control.ArtifactsRequest{JobID: a.JobID, Attempt: 1, Path: "dist/*.link"})
	wantCode(t, err, "")
	if len(page.Files) != 1 || page.Files[0].Path != "dist/app.link" {
		t.Errorf("by pattern: %+v", page.Files)
	}
	bob := w.user
	bob.Owner = "bob"
	_, err = w.svc.Artifacts(w.ctx, bob, control.ArtifactsRequest{JobID: a.JobID})
	wantCode(t, err, errand.CodeJobNotFound)
	for _, bad := range []control.ArtifactsRequest{{JobID: a.JobID, Path: "../x"}, {JobID: a.JobID, Limit: 201}, {JobID: a.JobID, Attempt: 2}} {
		_, err = w.svc.Artifacts(w.ctx, w.user, bad)
		wantCode(t, err, errand.CodeInvalidField)
	}
}

// TestArtifactsOfAnotherAttempt: only the worker that holds the attempt may send its
// artifacts.
func TestArtifactsOfAnotherAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, a := w.takeWithArtifacts()
	_, content := newContent("x")
	up := errand.ArtifactUpload{Content: content}
	b := w.worker("b").withFeatures(errand.FeatureArtifacts)
	_, err := b.sign(a, up)
	wantCode(t, err, errand.CodeStaleAttempt)
	other := *a
	other.Attempt++
	_, err = k.sign(&other, up)
	wantCode(t, err, errand.CodeStaleAttempt)
	other.JobID = strings.Repeat("0", 26)
	_, err = k.sign(&other, up)
	wantCode(t, err, errand.CodeJobNotFound)
	k.caller.WorkerID = b.id
	_, err = k.sign(a, up)
	wantCode(t, err, errand.CodeWorkerNotFound)
}

// TestArtifactsNeedTheFeature: an agent that doesn't know artifacts gets no job with some.
func TestArtifactsNeedTheFeature(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.create(artifacts("dist"))
	w.worker("a").take(false)
	w.clock.Advance(6 * time.Second)
	if a := w.worker("b").withFeatures(errand.FeatureArtifacts).take(true); len(a.Artifacts) != 1 || a.Artifacts[0].Path != "dist" {
		t.Errorf("artifacts %+v", a.Artifacts)
	}
}

// TestArtifactInParts: a large content is sent in parts, which can be sent again, and
// completed again.
func TestArtifactInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, a := w.takeWithArtifacts()
	part := bytes.Repeat([]byte("x"), errand.ArtifactPartBytes)
	sum := sha256.New()
	up := errand.ArtifactUpload{}
	for range 5 {
		sum.Write(part)
		up.Size += int64(len(part))
	}
	up.Size -= 5
	up.SHA256 = hex.EncodeToString(sum.Sum(nil))
	grants, err := k.sign(a, up)
	wantCode(t, err, "")
	up.UploadID = grants[0].UploadID
	if up.UploadID == "" || grants[0].Put != nil {
		t.Fatalf("grant %+v", grants[0])
	}
	for n := range up.Content.Parts() {
		body := part[:up.PartSize(n+1)]
		_, content := newContent(string(body))
		up.Parts = append(up.Parts, errand.ArtifactPart{Number: n + 1, SHA256: content.SHA256})
	}
	grants, err = k.sign(a, up)
	wantCode(t, err, "")
	for n, g := range grants[0].Parts {
		if n == 4 {
			up.Parts[n].ETag = `"00000000000000000000000000000000"`
			continue
		}
		up.Parts[n].ETag = k.sendPart(g, part)
	}
	up.Complete = true
	_, err = k.sign(a, up)
	wantCode(t, err, errand.CodeUploadGone) // the last part isn't there
	up.Parts[4].ETag = k.sendPart(grants[0].Parts[4], part[:len(part)-5])
	for range 2 {
		if grants, err = k.sign(a, up); err != nil || !grants[0].Complete {
			t.Fatalf("complete: %+v, %v", grants, err)
		}
	}
	blob, err := w.svc.Blobs.Stat(w.ctx, errand.ArtifactKey(a.JobID, a.Attempt, up.SHA256))
	if err != nil || blob.Size != up.Size {
		t.Errorf("the object: %+v, %v", blob, err)
	}
}

// sendPart sends a part and returns its ETag.
func (k *worker) sendPart(r errand.SignedRequest, body []byte) string {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := k.s3().Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		k.t.Fatalf("part: %s", resp.Status)
	}
	return resp.Header.Get("Etag")
}

// TestHostileArtifactList: a list that no agent of ours writes is refused as a whole.
func TestHostileArtifactList(t *testing.T) {
	t.Parallel()
	_, content := newContent("x")
	for name, files := range map[string][]errand.ArtifactFile{
		"absolute":       {{Path: "/etc/passwd", Content: content}},
		"above":          {{Path: "../x", Content: content}},
		"above inside":   {{Path: "a/../../x", Content: content}},
		"the folder":     {{Path: ".", Content: content}},
		"NUL":            {{Path: "a\x00b", Content: content}},
		"long":           {{Path: strings.Repeat("x", 5000), Content: content}},
		"deep":           {{Path: strings.Repeat("a/", 255) + "a", Content: content}},
		"twice":          {{Path: "a", Content: content}, {Path: "a", Content: content}},
		"below a file":   {{Path: "a", Content: content}, {Path: "a/b", Content: content}},
		"through a link": {{Path: "a", Link: "b", Mode: "0777"}, {Path: "a/b", Content: content}},
		"no hash":        {{Path: "a", Content: errand.Content{Size: 1}}},
		"negative":       {{Path: "a", Content: errand.Content{SHA256: content.SHA256, Size: -1}}},
		"huge":           {{Path: "a", Content: errand.Content{SHA256: content.SHA256, Size: 1 << 60}}},
		"mode":           {{Path: "a", Content: content, Mode: "rwx"}},
		"link and file":  {{Path: "a", Content: content, Link: "b"}},
	} {
		b, _ := newArtifactList(files...)
		if l, err := errand.ParseArtifactList(b); err == nil {
			t.Errorf("%s: read as %+v", name, l)
		}
	}
	w := newWorld(t)
	k, a := w.takeWithArtifacts()
	k.giveBack(a, errand.ArtifactFile{Path: "../x", Content: content})
	page, err := w.svc.Artifacts(w.ctx, w.user, control.ArtifactsRequest{JobID: a.JobID})
	wantCode(t, err, "")
	if len(page.Files) != 0 || page.Sums.Files != 0 || !strings.Contains(page.Sums.Error, "unusable") {
		t.Errorf("page %+v, %+v", page, page.Sums)
	}
	many := make([]errand.ArtifactFile, errand.MaxArtifacts+1)
	for i := range many {
		many[i] = errand.ArtifactFile{Path: fmt.Sprint(i), Content: content}
	}
	b, _ := newArtifactList(many...)
	if _, err := errand.ParseArtifactList(b); err == nil {
		t.Error("more artifacts than are allowed were read")
	}
}
