package localstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/errandhq/errand/localstack/internal/gopool"
)

// transport is an http.RoundTripper that calls a handler in the same process. It
// behaves like a connection: the handler gets the request that a server would give
// it, and the client the response that a server would send.
type transport struct {
	handler http.Handler

	handling gopool.Pool // calls handler

	stopped chan struct{} // closed by stop
	calls   sync.WaitGroup
	mu      sync.Mutex
	current map[*exchange]struct{} // nil once stopped
}

// errAborted is the client's error if the handler ends the connection.
var errAborted = fmt.Errorf("the connection was closed: %w", io.ErrUnexpectedEOF)

var errStopped = errors.New("the stack is closed")

func newTransport() *transport {
	return &transport{stopped: make(chan struct{}), current: map[*exchange]struct{}{}}
}

// stop ends the calls in progress and refuses new ones. wait waits until they have
// ended.
func (t *transport) stop() {
	t.mu.Lock()
	calls := t.current
	t.current = nil
	t.mu.Unlock()
	if calls != nil {
		close(t.stopped)
	}
	for x := range calls {
		x.cancel(errStopped)
	}
}

func (t *transport) wait() {
	t.calls.Wait()
	t.handling.Close()
}

// begin counts x as a call in progress. It returns false after stop.
func (t *transport) begin(x *exchange) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil {
		return false
	}
	t.current[x] = struct{}{}
	t.calls.Add(1)
	return true
}

func (t *transport) end(x *exchange) {
	t.mu.Lock()
	delete(t.current, x)
	t.mu.Unlock()
	t.calls.Done()
}

// Do is RoundTrip for the AWS SDK. An http.Client would copy the headers of each
// request, for a redirect that the stack never answers.
func (t *transport) Do(req *http.Request) (*http.Response, error) { return t.RoundTrip(req) }

// RoundTrip implements http.RoundTripper. The handler runs until it returns. If the
// request's context ends, or the client closes the response's body early, the
// handler's context ends.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := newRequestBody(req)
	x := &exchange{body: body, req: req, header: make(http.Header), answered: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancelCause(req.Context())
	if !t.begin(x) {
		x.cancel(nil)
		_ = body.Close()
		return nil, errStopped
	}
	// Ends the handler's reads when the client is gone.
	unwatch := context.AfterFunc(x.ctx, func() { _ = body.Close() })
	r := serverRequest(x.ctx, req, body)
	t.handling.Go(func() {
		defer t.end(x)
		x.serve(t.handler, r)
		unwatch()
		x.cancel(nil)
	})
	// Not x.ctx, which also ends with the handler.
	var cause error
	select {
	case <-x.answered:
		return x.response()
	case <-req.Context().Done():
		cause = context.Cause(req.Context())
	case <-t.stopped:
		cause = errStopped
	}
	x.cancel(cause)
	_ = body.Close()
	body.waitRead()
	return nil, cause
}

// serverRequest returns req as a server would read it from a connection.
func serverRequest(ctx context.Context, req *http.Request, body *requestBody) *http.Request {
	r := req.WithContext(ctx)
	url := *req.URL
	r.URL = &url
	// The values are shared: a server's handler replaces them, and doesn't write into them.
	if r.Header = maps.Clone(req.Header); r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Host = req.Host; r.Host == "" {
		r.Host = req.URL.Host
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.RequestURI = req.URL.RequestURI()
	r.URL.Scheme, r.URL.Host = "", ""
	r.RemoteAddr = "127.0.0.1:0"
	r.Response, r.GetBody, r.TLS = nil, nil, nil
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header.Set("User-Agent", "Go-http-client/1.1")
	}
	switch req.Body {
	case nil, http.NoBody:
		r.Body, r.ContentLength = http.NoBody, 0
		if req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
			r.Header.Set("Content-Length", "0")
		}
	default:
		r.Body = body
		if r.ContentLength = req.ContentLength; r.ContentLength <= 0 {
			r.ContentLength = -1
			r.TransferEncoding = []string{"chunked"}
		} else {
			r.Header.Set("Content-Length", strconv.FormatInt(req.ContentLength, 10))
		}
	}
	return r
}

// bufferSize is how much of a response is buffered, so that a short one gets a
// Content-Length.
const bufferSize = 4 << 10

// exchange is a request and its response. It is the handler's ResponseWriter.
type exchange struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	req    *http.Request
	body   *requestBody

	header http.Header // the handler's
	status int         // 0 until WriteHeader
	buffer []byte      // written and not sent

	// nil until the response is longer than the buffer, or flushed
	pipeR *io.PipeReader
	pipeW *io.PipeWriter

	once     sync.Once
	answered chan struct{} // closed when sent and whole are set
	sent     http.Header   // the response's
	whole    bool          // buffer is the whole body
	failed   error
}

// serve runs the handler to its end.
func (x *exchange) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			x.fail(errAborted)
		default:
			x.fail(fmt.Errorf("the handler panicked: %v", v))
		}
		_ = x.body.Close()
	}()
	h.ServeHTTP(x, r)
	x.finish()
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.header }

// WriteHeader implements http.ResponseWriter. Headers that are set later aren't sent.
func (x *exchange) WriteHeader(status int) {
	if x.status != 0 || status < 200 {
		return
	}
	x.status = status
	x.sent = maps.Clone(x.header)
}

func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(x.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if x.req.Method == http.MethodHead {
		return len(p), nil
	}
	if !x.isAnswered() {
		if len(x.buffer)+len(p) <= bufferSize {
			x.buffer = append(x.buffer, p...)
			return len(p), nil
		}
		x.answer(false)
	}
	return x.send(p)
}

// send sends the buffer and p. It waits until the client has read them.
func (x *exchange) send(p []byte) (int, error) {
	if len(x.buffer) > 0 {
		buffered := x.buffer
		x.buffer = nil
		if _, err := x.pipeW.Write(buffered); err != nil {
			return 0, err
		}
	}
	return x.pipeW.Write(p)
}

// Flush implements http.Flusher.
func (x *exchange) Flush() {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	x.answer(false)
	if len(x.buffer) > 0 {
		_, _ = x.send(nil) // the next Write reports it
	}
}

// finish completes the response of a handler that has returned. If the context has
// ended, there is no response.
func (x *exchange) finish() {
	if x.ctx.Err() != nil {
		x.fail(context.Cause(x.ctx))
		return
	}
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	x.answer(true)
	if x.whole {
		return
	}
	if len(x.buffer) > 0 {
		_, _ = x.send(nil)
	}
	_ = x.pipeW.Close()
}

// fail ends the exchange without a response, or without the rest of it.
func (x *exchange) fail(err error) {
	x.once.Do(func() {
		x.failed = err
		close(x.answered)
	})
	if x.pipeW != nil {
		_ = x.pipeW.CloseWithError(err)
	}
}

func (x *exchange) isAnswered() bool {
	select {
	case <-x.answered:
		return true
	default:
		return false
	}
}

// answer gives the client status and headers. whole: buffer is the whole body.
func (x *exchange) answer(whole bool) {
	x.once.Do(func() {
		h := x.sent
		if h.Get("Date") == "" {
			h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		}
		if bodyAllowed(x.status) && h.Get("Content-Type") == "" && len(x.buffer) > 0 {
			h.Set("Content-Type", http.DetectContentType(x.buffer))
		}
		if whole && bodyAllowed(x.status) && x.req.Method != http.MethodHead {
			h.Set("Content-Length", strconv.Itoa(len(x.buffer)))
		}
		if x.whole = whole; !whole {
			x.pipeR, x.pipeW = io.Pipe()
			// Ends the handler's writes and the client's reads.
			context.AfterFunc(x.ctx, func() { _ = x.pipeW.CloseWithError(context.Cause(x.ctx)) })
		}
		close(x.answered)
	})
}

// EnableFullDuplex is for http.ResponseController. Here it is always enabled.
func (x *exchange) EnableFullDuplex() error { return nil }

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// response returns the client's response or error, after answered is closed.
func (x *exchange) response() (*http.Response, error) {
	if x.failed != nil {
		x.cancel(x.failed)
		return nil, x.failed
	}
	resp := &http.Response{
		Status:     strconv.Itoa(x.status) + " " + http.StatusText(x.status),
		StatusCode: x.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        x.sent,
		ContentLength: -1,
		Request:       x.req,
	}
	if n, err := strconv.ParseInt(x.sent.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	switch {
	case x.req.Method == http.MethodHead || !bodyAllowed(x.status):
		resp.Body = http.NoBody
	case x.whole:
		resp.Body = io.NopCloser(bytes.NewReader(x.buffer))
	default:
		resp.Body = &responseBody{x: x, left: resp.ContentLength}
	}
	return resp, nil
}
