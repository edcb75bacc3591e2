package httplimit

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// bodyIdle is how long a body may pause.
	bodyIdle = 20 * time.Second
	// bodyRate is the least average rate of a body, in bytes per second. A body gets
	// bodyIdle in addition.
	bodyRate = 1 << 10
	// setEvery limits how often a deadline is set.
	setEvery = time.Second
)

// ErrSlowBody is the error of reading a body that pauses, or arrives too slowly.
var ErrSlowBody = errors.New("the body arrives too slowly")

// newBody returns r's body, which fails with ErrSlowBody instead of waiting for a client
// that has stopped sending. It returns nil if there is none.
func newBody(w http.ResponseWriter, r *http.Request) *body {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &body{ReadCloser: r.Body, control: http.NewResponseController(w), began: time.Now()}
}

type body struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	set     time.Time // when the deadline was set
	n       int64
	ended   bool
}

func (b *body) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.set) >= setEvery {
		b.set = now
		_ = b.control.SetReadDeadline(b.deadline(now)) // a server without deadlines has other limits
	}
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if err == nil {
		return n, nil
	}
	b.ended = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errors.Join(ErrSlowBody, err) // the connection can't be used again
	}
	_ = b.control.SetReadDeadline(time.Time{}) // net/http reads on, to notice a client that leaves
	return n, err
}

func (b *body) deadline(now time.Time) time.Time {
	idle := now.Add(bodyIdle)
	slow := b.began.Add(bodyIdle + time.Duration(b.n/bodyRate)*time.Second)
	if slow.Before(idle) {
		return slow
	}
	return idle
}

// drainTime is how long net/http may wait for the rest of a body that the handler
// didn't read, to use the connection again.
const drainTime = time.Second

// leave is called when the handler has returned.
func (b *body) leave() {
	if b != nil && !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(drainTime))
	}
}
