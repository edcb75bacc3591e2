package fakeapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/errandhq/errand"
)

const bucket = "/bucket/uploads/"

func (f *Fake) upload(w http.ResponseWriter, r *http.Request) {
	var u errand.UploadRequest
	if !read(w, r, &u) {
		return
	}
	sum, err := hex.DecodeString(u.SHA256)
	if err != nil || len(sum) != sha256.Size {
		problem(w, &errand.Error{Code: errand.CodeInvalidField, Field: "sha256", Message: "sha256 must be 64 lower-case hexadecimal digits"})
		return
	}
	f.mu.Lock()
	_, exists := f.objects[u.SHA256]
	f.mu.Unlock()
	if exists {
		answer(w, http.StatusOK, errand.Upload{SHA256: u.SHA256, Exists: true})
		return
	}
	answer(w, http.StatusOK, errand.Upload{SHA256: u.SHA256, Put: &errand.SignedRequest{
		Method: http.MethodPut, URL: "http://" + r.Host + bucket + u.SHA256 + "?X-Amz-Signature=fake", ExpiresSeconds: 60,
		Header: map[string]string{
			"Host": r.Host, "Content-Length": strconv.FormatInt(u.Size, 10), "X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum),
		},
	}})
}

// put takes an object, and refuses what a presigned request must not be: other
// bytes, or with anything of the page's own added.
func (f *Fake) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the browser went away
	}
	sum := sha256.Sum256(body)
	name := hex.EncodeToString(sum[:])
	switch {
	case r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Content-Type") != "":
		refuse(w, "InvalidRequest", "sent with more than the signed headers")
	case !ownOrigin(r):
		refuse(w, "AccessDenied", "sent by another page")
	case r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) || r.URL.Path != bucket+name:
		refuse(w, "BadDigest", "the bytes are not those that were announced")
	default:
		f.mu.Lock()
		f.objects[name] = body
		f.mu.Unlock()
	}
}

func refuse(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}
