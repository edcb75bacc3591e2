package awswire

import (
	"bytes"
	"io"
	"net/http"
)

// A bufferedBody is a request's body in memory.
type bufferedBody struct {
	bytes.Reader
	all []byte
}

func newBufferedBody(all []byte) *bufferedBody {
	b := &bufferedBody{all: all}
	b.Reset(all)
	return b
}

func (b *bufferedBody) Close() error { return nil }

// ReadBody reads r's body, or returns the one that a Verifier has read. Callers must
// not change it. Errors: *http.MaxBytesError for more than limit bytes; the reader's.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, ok := r.Body.(*bufferedBody)
	switch {
	case !ok:
		return readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength, limit+1)
	case int64(len(b.all)) > limit:
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return b.all, nil
}

// readAll reads up to limit bytes, into a buffer of the announced length.
func readAll(r io.Reader, announced, limit int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, max(min(announced, limit), 0)+bytes.MinRead))
	_, err := b.ReadFrom(io.LimitReader(r, limit))
	return b.Bytes(), err
}
