package hostile

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// cutBody is a request whose body ends, with a broken connection, after n bytes.
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

// serveCut serves, and ends the connection in the middle of the answer's body if
// that is decided. It is decided once there is a body to cut.
func (d *Door) serveCut(w http.ResponseWriter, r *http.Request) {
	c := &cutter{ResponseWriter: w, door: d}
	d.Next.ServeHTTP(c, r)
	if c.cut {
		panic(http.ErrAbortHandler)
	}
}

// unknownBody is how much of a body of unknown length is let through at most.
const unknownBody = 4 << 10

var errCut = errors.New("the connection was cut")

type cutter struct {
	http.ResponseWriter
	door    *Door
	decided bool
	cut     bool
	left    int64 // to let through, if it is cut
}

// Unwrap lets http.ResponseController find what the writer can do.
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
	_ = http.NewResponseController(c.ResponseWriter).Flush() // what can't be flushed is lost, too
	return n, err
}

func (c *cutter) decide() {
	c.decided = true
	if c.cut = c.door.hit("cutAnswer", c.door.CutAnswer); !c.cut {
		return
	}
	length, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		length = unknownBody
	}
	c.left = c.door.Source.N(c.door.Service+".cutAnswer", length)
}
