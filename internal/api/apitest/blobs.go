package apitest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Blobs is an control.Blobs in memory. It is an http.Handler, too, that serves
// the requests it permits, at /blobs/ of the caller's origin. A permission is a
// word in the request and checked as far as a client's mistakes go; it isn't
// secret.
type Blobs struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	data     []byte
	modified time.Time
}

var _ control.Blobs = (*Blobs)(nil)

const lifetime = 1800 // seconds

// NewBlobs returns Blobs that hold nothing.
func NewBlobs(now func() time.Time) *Blobs {
	return &Blobs{now: now, objects: map[string]object{}}
}

// Put keeps an object.
func (b *Blobs) Put(key string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = object{data, b.now()}
}

// SignPut implements control.Blobs.
func (b *Blobs) SignPut(_ context.Context, origin, key string, _ int64, sha256 string) (errand.SignedRequest, error) {
	return errand.SignedRequest{
		Method: http.MethodPut, URL: origin + "/blobs/" + key + "?signed=put", ExpiresSeconds: lifetime,
		Header: map[string]string{"X-Checksum": sha256},
	}, nil
}

// SignGet implements control.Blobs.
func (b *Blobs) SignGet(_ context.Context, origin, key string) (errand.SignedRequest, error) {
	return errand.SignedRequest{Method: http.MethodGet, URL: origin + "/blobs/" + key + "?signed=get", ExpiresSeconds: lifetime}, nil
}

// SignPost implements control.Blobs.
func (b *Blobs) SignPost(_ context.Context, origin, prefix string, _ int64) (control.SignedPost, error) {
	return control.SignedPost{URL: origin + "/blobs/", Fields: map[string]string{"policy": prefix}, ExpiresSeconds: lifetime}, nil
}

// Stat implements control.Blobs.
func (b *Blobs) Stat(_ context.Context, key string) (control.Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return control.Blob{}, control.ErrNotFound
	}
	sum := sha256.Sum256(o.data)
	return control.Blob{Key: key, Size: int64(len(o.data)), SHA256: hex.EncodeToString(sum[:]), Modified: o.modified}, nil
}

// List implements control.Blobs.
func (b *Blobs) List(_ context.Context, prefix, after string) ([]control.Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []control.Blob
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, prefix) && key > after {
			list = append(list, control.Blob{Key: key, Size: int64(len(b.objects[key].data))})
		}
	}
	return list, nil
}

// Open implements control.Blobs.
func (b *Blobs) Open(_ context.Context, key string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return nil, control.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(o.data)), nil
}

// ServeHTTP answers the requests that were permitted.
func (b *Blobs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/blobs/")
	switch {
	case r.Method == http.MethodPost && key == "":
		b.servePost(w, r)
	case r.Method == http.MethodPut && r.URL.Query().Get("signed") == "put":
		b.servePut(w, r, key)
	case r.Method == http.MethodGet && r.URL.Query().Get("signed") == "get":
		body, err := b.Open(r.Context(), key)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(w, body)
	default:
		http.Error(w, "not permitted", http.StatusForbidden)
	}
}

func (b *Blobs) servePut(w http.ResponseWriter, r *http.Request, key string) {
	data, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(data)
	if err != nil || hex.EncodeToString(sum[:]) != r.Header.Get("X-Checksum") {
		http.Error(w, "not the bytes that were signed", http.StatusBadRequest)
		return
	}
	b.Put(key, data)
}

func (b *Blobs) servePost(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := io.ReadAll(file)
	policy, key := r.FormValue("policy"), r.FormValue("key")
	if err != nil || policy == "" || !strings.HasPrefix(key, policy) {
		http.Error(w, "not what the policy permits", http.StatusForbidden)
		return
	}
	b.Put(key, data)
	w.WriteHeader(http.StatusNoContent)
}
