package s3

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// maxInline is the size up to which a body is stored in the store instead of a
// file. Its object then waits for one sync, which it shares with other writes,
// instead of those of a file and its directory.
const maxInline = 32 << 10

// storeBody stores a body and checks it against want: a small one in the part
// itself, others in a file, which is on disk when it returns. If the store
// refuses writes, storeBody doesn't take space on the disk either.
func (e *Engine) storeBody(r io.Reader, size int64, want ExpectedDigests) (Part, *digest, error) {
	if err := e.writable(); err != nil {
		return Part{}, nil, err
	}
	d := e.newDigest(want)
	head := make([]byte, inlineBuffer(size))
	n, err := readFull(r, head)
	switch {
	case err == io.EOF: //nolint:errorlint // a wrapped one is a body that was cut off
		_, _ = d.Write(head[:n])
		p := Part{ID: newID(), Size: int64(n), Inline: true, data: head[:n]}
		return p, d, checkBody(d, p.Size, size, want)
	case err != nil:
		return Part{}, nil, incompleteBody(err)
	}
	return e.storeFile(io.MultiReader(bytes.NewReader(head), r), size, d, want)
}

// inlineBuffer is one byte more than a small body has, so that its end is seen.
func inlineBuffer(size int64) int64 {
	if size < 0 || size > maxInline {
		return maxInline + 1
	}
	return size + 1
}

func (e *Engine) storeFile(r io.Reader, size int64, d *digest, want ExpectedDigests) (Part, *digest, error) {
	f, err := e.bodies.create()
	if err != nil {
		return Part{}, nil, diskFailure(err)
	}
	d.add(CRC64NVME)
	n, err := copyBody(f, d, r, size)
	if err == nil {
		err = checkBody(d, n, size, want)
	}
	if err != nil {
		f.abort()
		return Part{}, nil, diskFailure(err)
	}
	return Part{ID: f.id, Size: n, CRC: d.value(CRC64NVME)}, d, diskFailure(f.commit())
}

// checkBody checks a body that ended after n bytes.
func checkBody(d *digest, n, size int64, want ExpectedDigests) error {
	if size >= 0 && n != size {
		return incompleteBody(io.ErrUnexpectedEOF)
	}
	return d.check(want)
}

// copyBody copies r to f and d in constant memory. It stops when r is longer than
// size or MaxPut.
func copyBody(f *bodyWriter, d *digest, r io.Reader, size int64) (n int64, err error) {
	p := newPipeline(f, d)
	defer func() { err = cmp.Or(err, p.finish()) }()
	for {
		buf, err := p.buffer()
		if err != nil {
			return n, err
		}
		m, rerr := readFull(r, buf)
		n += int64(m)
		p.pass(buf[:m])
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

// incompleteBody turns an error of a body into the one that its sender is told.
func incompleteBody(err error) error {
	var e *awswire.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return newError(400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.")
	}
	return newError(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

// diskFailure is InsufficientStorage if the disk is full, else err.
func diskFailure(err error) error {
	if err == nil || !durable.IsFull(err) {
		return err
	}
	return insufficientStorage(err)
}

// writable returns an error if the store refuses writes: InsufficientStorage while
// too little of the disk is free. After a write that failed because the disk was
// full, the store refuses all writes, and trying again doesn't help.
func (e *Engine) writable() error {
	err := e.Store.Writable()
	if errors.Is(err, kv.ErrFull) && !durable.IsFull(err) {
		return insufficientStorage(err)
	}
	return err
}
