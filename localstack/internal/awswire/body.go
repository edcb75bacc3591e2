package awswire

import (
	"bytes"
	"io"
	"net/http"
)

// A bufferedBody is a request's body that has been read whole.
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

// ReadBody reads r's body, or gives what a Verifier has read already; either is
// the request's own, to be left as it is. Error: *http.MaxBytesError, for more
// than limit bytes; those of reading.
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

// readAll reads up to limit bytes, with room at once for what was announced.
func readAll(r io.Reader, announced, limit int64) ([]byte, error) {
	room := int64(bytes.MinRead)
	if announced > 0 && announced < limit {
		room = announced + 1 // and the end
	}
	b := make([]byte, 0, room)
	for {
		n, err := r.Read(b[len(b):min(int64(cap(b)), limit)])
		b = b[:len(b)+n]
		if err == io.EOF || err == nil && int64(len(b)) == limit {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}
