package hostile

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// cutBody returns a copy of r whose body fails after n bytes, as when the
// connection breaks.
func cutBody(r *http.Request, n int64) *http.Request {
	cut := r.Clone(r.Context())
	cut.Body = &brokenBody{r.Body, n}
	return cut
}

type brokenBody struct {
	io.ReadCloser
	left int64
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// serveCut serves r, and may end the connection in the middle of the response's
// body. That is decided once there is a body.
func (m *Middleware) serveCut(w http.ResponseWriter, r *http.Request) {
	c := &cutter{ResponseWriter: w, middleware: m}
	m.Next.ServeHTTP(c, r)
	if c.cut {
		panic(http.ErrAbortHandler)
	}
}

// unknownBody is the most that is sent of a body of unknown length.
const unknownBody = 4 << 10

var errCut = errors.New("the connection was cut")

type cutter struct {
	http.ResponseWriter
	middleware *Middleware
	decided    bool
	cut        bool
	left       int64 // bytes to send before the cut
}

// Unwrap is for http.ResponseController.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return c.ResponseWriter.Write(p)
	}
	if !c.decided {
		c.decide()
	}
	if !c.cut || int64(len(p)) <= c.left {
		n, err := c.ResponseWriter.Write(p)
		c.left -= int64(n)
		return n, err
	}
	n, err := c.ResponseWriter.Write(p[:c.left])
	c.left = 0
	if err == nil {
		err = errCut
	}
	_ = http.NewResponseController(c.ResponseWriter).Flush() // an error loses more of the response
	return n, err
}

func (c *cutter) decide() {
	c.decided = true
	if c.cut = c.middleware.hit("cutAnswer", c.middleware.CutAnswer); !c.cut {
		return
	}
	length, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		length = unknownBody
	}
	c.left = c.middleware.Random.IntN(c.middleware.Service+".cutAnswer", length)
}
