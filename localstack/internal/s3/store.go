package s3

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// maxInline is the most that a body may have to lie in the store rather than
// in a file: its one write, shared with others, is then all that its object
// waits for, where a file has to be synced, renamed, and its directory synced.
const maxInline = 32 << 10

// bufferSize is what a body comes in by, and is hashed and written by.
const bufferSize = 256 << 10

// smallBuffers have room for a body that lies in the store, and a byte that shows
// that it is longer.
var smallBuffers = sync.Pool{New: func() any { b := make([]byte, maxInline+1); return &b }}

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// storeBody takes a body in, checked: into the part itself if it is small, else
// into a file of its own, which is on disk when it returns. None is taken in
// that the store wouldn't keep: its file would eat the space that the store
// still needs.
func (e *Engine) storeBody(r io.Reader, size int64, want ExpectedDigests) (Part, *digest, error) {
	if err := e.writable(); err != nil {
		return Part{}, nil, err
	}
	d := newDigest(want)
	p := Part{room: smallBuffers.Get().(*[]byte)}
	kept, err := e.readInline(&p, r, size, d, want)
	if kept {
		return p, d, nil
	}
	defer p.done()
	if err != nil {
		return Part{}, nil, err
	}
	return e.storeFile(io.MultiReader(bytes.NewReader(p.data), r), size, d, want)
}

// readInline reads a body's beginning into p, and reports whether it is all and
// is kept there.
func (e *Engine) readInline(p *Part, r io.Reader, size int64, d *digest, want ExpectedDigests) (kept bool, err error) {
	n, err := readFull(r, *p.room)
	p.data = (*p.room)[:n]
	switch {
	case err == io.EOF: //nolint:errorlint // a wrapped one is a body that was cut off
		_, _ = d.Write(p.data)
		p.ID, p.Size, p.Inline = newID(), int64(n), true
		err := checkBody(d, p.Size, size, want)
		return err == nil, err
	case err != nil:
		return false, incompleteBody(err)
	}
	return false, nil
}

func (e *Engine) storeFile(r io.Reader, size int64, d *digest, want ExpectedDigests) (Part, *digest, error) {
	f, err := e.bodies.create()
	if err != nil {
		return Part{}, nil, diskFailure(err)
	}
	n, err := copyBody(f, d, r, size)
	if err == nil {
		err = checkBody(d, n, size, want)
	}
	if err != nil {
		f.abort()
		return Part{}, nil, diskFailure(err)
	}
	return Part{ID: f.id, Size: n}, d, diskFailure(f.commit())
}

// checkBody checks a body that has come to its end after n bytes.
func checkBody(d *digest, n, size int64, want ExpectedDigests) error {
	if size >= 0 && n != size {
		return incompleteBody(io.ErrUnexpectedEOF)
	}
	return d.check(want)
}

// copyBody copies r to f and d in constant memory, and no more of it than is
// sure to be too much. While a buffer comes in, the one before it is hashed,
// and the one before that written.
func copyBody(f *bodyWriter, d *digest, r io.Reader, size int64) (n int64, err error) {
	p := newPipeline(f, d)
	defer func() { err = cmp.Or(err, p.finish()) }()
	for {
		buf, err := p.next()
		if err != nil {
			return n, err
		}
		m, rerr := readFull(r, *buf)
		n += int64(m)
		p.pass(buf, m)
		switch {
		case n > MaxPut:
			return n, tooLarge()
		case size >= 0 && n > size:
			return n, incompleteBody(io.ErrUnexpectedEOF)
		case rerr == io.EOF: //nolint:errorlint // a wrapped one is a body that was cut off
			return n, nil
		case rerr != nil:
			return n, incompleteBody(rerr)
		}
	}
}

// readFull is io.ReadFull that gives r's own error, so that a body cut short
// (io.ErrUnexpectedEOF) isn't taken for one that ended.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// incompleteBody is what a body's own failure means to its sender.
func incompleteBody(err error) error {
	var e *awswire.Error
	if errors.As(err, &e) {
		return err
	}
	return newError(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

// diskFailure says of a full disk what to do about it.
func diskFailure(err error) error {
	if err == nil || !isDiskFull(err) {
		return err
	}
	return insufficientStorage(err)
}

// writable is nil unless the store refuses writes: 507 while too little of the
// disk is free. A disk that filled up under a write has ended the store
// instead, where trying again is no advice.
func (e *Engine) writable() error {
	err := e.Store.Writable()
	if errors.Is(err, kv.ErrFull) && !isDiskFull(err) {
		return insufficientStorage(err)
	}
	return err
}
