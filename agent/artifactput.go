package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/meter"
)

// localError: a file on this machine can't be read, or has changed.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// storageError: the storage answered with an error.
type storageError struct {
	code int
	text string
}

func (e *storageError) Error() string {
	return fmt.Sprintf("the storage answered %d %s: %s", e.code, http.StatusText(e.code), e.text)
}

// isRefusal reports whether the storage refused the request, rather than failed.
func (e *storageError) isRefusal() bool {
	return e.code < 500 && e.code != http.StatusTooManyRequests && e.code != http.StatusRequestTimeout
}

// artifactStall is how long a transfer may make no progress.
const artifactStall = time.Minute

// put makes a signed PUT of a range of a content, and returns its ETag.
func (s *artifactSender) put(ctx context.Context, r errand.SignedRequest, i *artifactItem, at, size int64) (etag string, err error) {
	body, err := s.open(i, at, size)
	if err != nil {
		return "", &localError{err}
	}
	defer body.Close()
	m := &s.meter
	if i.file == nil { // the list is nothing that the job gives back
		m = nil
	}
	etag, err = putObject(ctx, s.t.agent.HTTP, r, body, size, m)
	var refused *storageError
	switch {
	case err == nil:
		s.refused.Store(0)
	case errors.As(err, &refused) && refused.isRefusal():
		s.refused.Add(1)
	}
	return etag, err
}

// putObject makes a signed PUT of a body of size bytes, counts in m what is sent (nil: nobody
// asks), and returns its ETag.
func putObject(ctx context.Context, client *http.Client, r errand.SignedRequest, body io.Reader, size int64, m *meter.Meter) (etag string, err error) {
	counted := &countedReader{Reader: body, meter: m}
	defer func() { counted.end(err) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(artifactStall, func() { cancel(errors.New("the storage took nothing for a minute")) })
	defer stalled.Stop()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, io.NopCloser(&movingReader{counted, stalled}))
	if err != nil {
		return "", fmt.Errorf("invalid address of the storage: %w", err)
	}
	if req.ContentLength = size; size == 0 {
		req.Body = http.NoBody
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the URL: its signature is a secret
		}
		return "", err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // only for the message
	if resp.StatusCode >= 300 {
		return "", &storageError{resp.StatusCode, strings.Join(strings.Fields(string(text)), " ")}
	}
	return resp.Header.Get("Etag"), nil
}

// movingReader restarts a timer whenever something is read.
type movingReader struct {
	io.Reader
	timer *time.Timer
}

func (r *movingReader) Read(b []byte) (int, error) {
	r.timer.Reset(artifactStall)
	return r.Reader.Read(b)
}

// countedReader counts what is read, until end.
type countedReader struct {
	io.Reader
	meter *meter.Meter

	mu    sync.Mutex
	bytes int64
	ended bool
}

func (r *countedReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended { // net/http may go on for a moment
		r.bytes += int64(n)
		r.meter.Add(int64(n))
	}
	return n, err
}

// end forgets what was counted if it has to be sent again.
func (r *countedReader) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if err != nil {
		r.meter.Add(-r.bytes)
	}
}
