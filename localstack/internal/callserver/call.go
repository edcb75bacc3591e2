package callserver

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A call is a request and its answer. It is the request's context, and the
// handler's http.ResponseWriter.
type call struct {
	conn *conn
	url  url.URL
	body body

	status   int // 0 until WriteHeader
	declared int // the answer's length by its header; -1: not said
	written  int // bytes of the answer's body
	flushed  bool
	chunked  bool // the answer's body is, once it is flushed
	dated    bool
	typed    bool
	last     bool // the connection ends with this answer

	watch watch
}

func newCall(c *conn) *call {
	clear(c.header)
	c.out, c.held = c.out[:0], c.held[:0]
	return &call{conn: c, declared: -1}
}

// request is the call as net/http would have read it.
func (x *call) request() *http.Request {
	c := x.conn
	r := &c.blank
	r.Header, r.Host = c.head.header(c.in)
	r.Method, r.RequestURI, r.RemoteAddr = http.MethodPost, "/", c.remote
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	x.url.Path = "/"
	r.URL = &x.url
	r.ContentLength = int64(c.head.body)
	r.Body = http.NoBody
	if c.head.body > 0 {
		x.body.left = c.in[c.head.length:c.head.size()]
		r.Body = &x.body
	}
	return r.WithContext(x) // a copy, for this call
}

// end is called when the handler has returned.
func (x *call) end() {
	x.body.left, x.body.closed = nil, true
	x.watch.end(x.conn)
}

// A body is what stands in the connection's buffer. A handler reads it while it
// runs, by one goroutine at a time.
type body struct {
	left   []byte
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case len(b.left) == 0:
		return 0, io.EOF
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

// Deadline implements context.Context.
func (x *call) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context. From the first time that it is asked for,
// the connection is watched: the channel is closed when the client ends it.
func (x *call) Done() <-chan struct{} { return x.watch.begin(x.conn).Done() }

// Err implements context.Context.
func (x *call) Err() error {
	if ctx := x.watch.context(); ctx != nil {
		return ctx.Err()
	}
	return nil
}

// Value implements context.Context.
func (x *call) Value(key any) any {
	if ctx := x.watch.context(); ctx != nil { // among its values is how contexts find their parents
		if v := ctx.Value(key); v != nil {
			return v
		}
	}
	return x.conn.base.Value(key)
}

// A watch looks for the end of a connection during a call. Few calls want it:
// those that wait for something.
type watch struct {
	mu     sync.Mutex
	ctx    context.Context //nolint:containedctx // it is made when it is asked for
	cancel context.CancelFunc
	over   chan struct{} // closed when nobody reads any more; nil: nobody did
	ended  bool
}

func (w *watch) context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

func (w *watch) begin(c *conn) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx != nil {
		return w.ctx
	}
	w.ctx, w.cancel = context.WithCancel(c.base)
	if w.ended {
		w.cancel()
		return w.ctx
	}
	w.over = make(chan struct{})
	go func() {
		defer close(w.over)
		if c.readAhead() {
			w.cancel()
		}
	}()
	return w.ctx
}

// end ends the context, as the call is over, and the reading.
func (w *watch) end(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.ctx == nil {
		w.ctx, w.cancel = endedContext, func() {}
		return
	}
	w.cancel()
	_ = c.rwc.SetReadDeadline(longAgo)
	<-w.over
	_ = c.rwc.SetReadDeadline(time.Time{})
}

var longAgo = time.Unix(1, 0)

var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
