package controltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// BlobsOptions say how Blobs are reached.
type BlobsOptions struct {
	HTTP         HTTPClient // for signed requests; nil: http.DefaultClient
	NoSignatures bool       // presigned requests are answered with any signature
}

// HTTPClient makes HTTP requests.
type HTTPClient interface {
	Do(r *http.Request) (*http.Response, error)
}

// Blobs tests b.
func Blobs(t *testing.T, b control.Blobs, o BlobsOptions) {
	w := blobsTest{b, o}
	t.Run("Upload", w.blobsUpload)
	t.Run("Download", w.blobsDownload)
	t.Run("Forms", w.blobsForms)
	t.Run("Remove", w.blobsRemove)
}

// blobsTest has the parts of the suite.
type blobsTest struct {
	b control.Blobs
	o BlobsOptions
}

// SendSigned makes a signed request, as a client that knows nothing else.
func (o BlobsOptions) SendSigned(t *testing.T, r errand.SignedRequest, body []byte) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, bytes.NewReader(body))
	must(t, err)
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	return o.roundTrip(t, req)
}

func (o BlobsOptions) roundTrip(t *testing.T, r *http.Request) (status int, answer []byte) {
	t.Helper()
	status, _, b := o.do(t, r)
	return status, b
}

// do makes a request and returns the response's parts.
func (o BlobsOptions) do(t *testing.T, r *http.Request) (status int, h http.Header, body []byte) {
	t.Helper()
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	resp, err := o.HTTP.Do(r)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, resp.Header, b
}

// blobsDownload: who sends an object doesn't choose how a browser shows it.
func (w blobsTest) blobsDownload(t *testing.T) {
	body := []byte("<script>alert(1)</script>")
	key := errand.UploadKey(NewOwner(), SHA256(body))
	put, err := w.b.SignPut(t.Context(), "", key, int64(len(body)), SHA256(body))
	must(t, err)
	put.Header = maps.Clone(put.Header)
	put.Header["Content-Type"], put.Header["Content-Disposition"] = "text/html", "inline"
	if status, answer := w.o.SendSigned(t, put, body); status != http.StatusOK {
		t.Fatalf("PUT: HTTP %d %s", status, answer)
	}
	for filename, want := range map[string]string{
		"": "attachment", "a.html": "attachment; filename=a.html", `a "b".html`: `attachment; filename="a \"b\".html"`,
		"é\n": "attachment; filename*=utf-8''%C3%A9%0A",
	} {
		get, err := w.b.SignGet(t.Context(), "", key, filename)
		must(t, err)
		req, err := http.NewRequestWithContext(t.Context(), get.Method, get.URL, nil)
		must(t, err)
		status, h, answer := w.o.do(t, req)
		if kind := h.Get("Content-Type"); status != http.StatusOK || !bytes.Equal(answer, body) || kind != "application/octet-stream" {
			t.Errorf("%q: HTTP %d, %s, %q", filename, status, kind, answer)
		}
		if got := h.Get("Content-Disposition"); got != want {
			t.Errorf("%q: %s, want %s", filename, got, want)
		}
	}
}

func (w blobsTest) blobsUpload(t *testing.T) {
	ctx, b := t.Context(), w.b
	body := []byte("the folder\x00\xff")
	key := errand.UploadKey(NewOwner(), SHA256(body))
	_, err := b.Stat(ctx, key)
	wantErr(t, "an object that isn't there", err, control.ErrNotFound)
	_, err = b.Open(ctx, key)
	wantErr(t, "an object that isn't there", err, control.ErrNotFound)
	put, err := b.SignPut(ctx, "", key, int64(len(body)), SHA256(body))
	must(t, err)
	for name, wrong := range map[string][]byte{"other bytes": []byte("THE FOLDER\x00\xff"), "more bytes": append(slices.Clone(body), 1)} {
		if status, answer := w.o.SendSigned(t, put, wrong); status < 400 {
			t.Errorf("%s: HTTP %d %s", name, status, answer)
		}
	}
	if status, answer := w.o.SendSigned(t, put, body); status != http.StatusOK {
		t.Fatalf("PUT: HTTP %d %s", status, answer)
	}
	if got, err := b.Stat(ctx, key); err != nil || got.Size != int64(len(body)) || got.SHA256 != SHA256(body) || got.Modified.IsZero() {
		t.Errorf("stat %+v, %v", got, err)
	}
	before, err := b.Stat(ctx, key)
	must(t, err)
	Eventually(t, "a renewed object", func(ctx context.Context) bool {
		must(t, b.Renew(ctx, before))
		got, err := b.Stat(ctx, key)
		must(t, err)
		if got.SHA256 != before.SHA256 || got.Size != before.Size {
			t.Fatalf("renewed: %+v, before %+v", got, before)
		}
		return got.Modified.After(before.Modified) // in seconds
	})
	wantErr(t, "the renewal of an object that isn't there", b.Renew(ctx, control.Blob{Key: key + "0"}), control.ErrNotFound)
	get, err := b.SignGet(ctx, "", key, "")
	must(t, err)
	if status, answer := w.o.SendSigned(t, get, nil); status != http.StatusOK || !bytes.Equal(answer, body) {
		t.Errorf("GET: HTTP %d %q", status, answer)
	}
	if w.o.NoSignatures {
		t.Skip("skipped, the last step: this endpoint is known not to check the signatures of presigned requests")
	}
	get.URL = strings.Replace(get.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1)
	if status, _ := w.o.SendSigned(t, get, nil); status < 400 {
		t.Errorf("GET with another signature: HTTP %d", status)
	}
}

// blobsRemove: what is removed is gone, and nothing else.
func (w blobsTest) blobsRemove(t *testing.T) {
	ctx, owner := t.Context(), NewOwner()
	var keys []string
	for _, text := range []string{"a", "b", "c"} {
		key := errand.UploadKey(owner, SHA256([]byte(text)))
		put, err := w.b.SignPut(ctx, "", key, 1, SHA256([]byte(text)))
		must(t, err)
		if status, answer := w.o.SendSigned(t, put, []byte(text)); status != http.StatusOK {
			t.Fatalf("PUT: HTTP %d %s", status, answer)
		}
		keys = append(keys, key)
	}
	gone := errand.UploadKey(owner, SHA256([]byte("never sent")))
	must(t, w.b.Remove(ctx, []string{keys[0], gone, keys[2]}))
	left, err := w.b.List(ctx, "uploads/"+owner+"/", "")
	must(t, err)
	if len(left) != 1 || left[0].Key != keys[1] {
		t.Errorf("left %+v, want %s", left, keys[1])
	}
}

func (w blobsTest) blobsForms(t *testing.T) {
	ctx, b := t.Context(), w.b
	prefix := errand.LogPrefix(NewID(), 1)
	grant, err := b.SignPost(ctx, "", prefix, 10)
	must(t, err)
	for _, key := range []string{prefix + "a", prefix + "b", prefix + "c"} {
		if status, answer := w.o.PostForm(t, grant.URL, grant.Fields, key, []byte(key[len(key)-1:])); status >= 300 {
			t.Fatalf("POST %s: HTTP %d %s", key, status, answer)
		}
	}
	if status, _ := w.o.PostForm(t, grant.URL, grant.Fields, "logs/other", []byte("x")); status < 400 {
		t.Errorf("POST beside the prefix: HTTP %d", status)
	}
	if status, _ := w.o.PostForm(t, grant.URL, grant.Fields, prefix+"d", []byte("eleven byte")); status < 400 {
		t.Errorf("POST of more than is allowed: HTTP %d", status)
	}
	list, err := b.List(ctx, prefix, prefix+"a")
	must(t, err)
	if len(list) != 2 || list[0].Key != prefix+"b" || list[1].Key != prefix+"c" || list[0].Size != 1 {
		t.Errorf("behind a: %+v", list)
	}
	r, err := b.Open(ctx, prefix+"b")
	must(t, err)
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "b" {
		t.Errorf("%q, %v", got, err)
	}
}

// PostForm sends an S3 form: fields, then key, then file.
func (o BlobsOptions) PostForm(t *testing.T, url string, fields map[string]string, key string, body []byte) (status int, answer []byte) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	var err error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		err = errors.Join(err, form.WriteField(name, fields[name]))
	}
	err = errors.Join(err, form.WriteField("key", key))
	file, ferr := form.CreateFormFile("file", "chunk")
	must(t, errors.Join(err, ferr))
	_, err = file.Write(body)
	must(t, errors.Join(err, form.Close()))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, &b)
	must(t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return o.roundTrip(t, r)
}
