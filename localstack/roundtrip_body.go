package localstack

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// responseBody streams from the handler. Closing it before its end cancels the
// handler's context.
type responseBody struct {
	x    *exchange
	left int64 // bytes of the Content-Length; negative: there is none
	eof  bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.x.pipeR.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
		if errors.Is(err, io.EOF) && b.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	b.eof = b.eof || errors.Is(err, io.EOF)
	return n, err
}

func (b *responseBody) Close() error {
	if !b.eof && b.left != 0 {
		b.x.cancel(errBodyClosed)
	}
	return b.x.pipeR.Close()
}

var errBodyClosed = errors.New("the client closed the response's body")

// requestBody is a request's body that can be closed during a Read: after an error
// of RoundTrip, the client may use the body again.
type requestBody struct {
	rc      io.ReadCloser
	limited bool  // there is a Content-Length
	left    int64 // bytes

	closing sync.Once
	err     error
	closed  chan struct{}
	reading sync.Mutex
}

func newRequestBody(req *http.Request) *requestBody {
	return &requestBody{rc: req.Body, limited: req.ContentLength > 0, left: req.ContentLength, closed: make(chan struct{})}
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	select {
	case <-b.closed:
		return 0, http.ErrBodyReadAfterClose
	default:
	}
	if b.limited && b.left == 0 {
		return 0, io.EOF
	}
	if b.limited && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.rc.Read(p)
	b.left -= int64(n)
	if errors.Is(err, io.EOF) && b.limited && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *requestBody) Close() error {
	b.closing.Do(func() {
		close(b.closed)
		if b.rc != nil {
			b.err = b.rc.Close()
		}
	})
	return b.err
}

// readGrace bounds the wait for a Read that Close doesn't end, for example of a
// terminal behind an io.NopCloser.
const readGrace = time.Second

// waitRead waits until no Read is in progress.
func (b *requestBody) waitRead() {
	free := make(chan struct{})
	go func() {
		b.reading.Lock()
		defer b.reading.Unlock()
		close(free)
	}()
	timer := time.NewTimer(readGrace)
	defer timer.Stop()
	select {
	case <-free:
	case <-timer.C:
	}
}
