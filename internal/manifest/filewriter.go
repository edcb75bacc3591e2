package manifest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
)

// fileWriter makes files. It keeps the directory of the last one open.
type fileWriter struct {
	*tree
	path string
	dir  *os.Root
}

func (w *fileWriter) close() {
	if w.dir != nil {
		_ = w.dir.Close() // opened for its name
		w.dir = nil
	}
}

func (w *fileWriter) files(batch []*Entry) error {
	for _, e := range batch {
		if err := w.step(e, w.file); err != nil {
			return err
		}
	}
	return nil
}

// enter returns the directory of a path, and the name in it.
func (w *fileWriter) enter(p string) (in *os.Root, name string, err error) {
	dir, name := path.Split(p)
	if w.dir == nil || w.path != dir {
		w.close()
		if w.dir, err = w.root.OpenRoot(path.Clean(dir)); err != nil {
			w.dir = nil
			return nil, "", err
		}
		w.path = dir
	}
	return w.dir, name, nil
}

func (w *fileWriter) file(e *Entry) error {
	dir, name, err := w.enter(e.Path)
	if err != nil {
		return err
	}
	// O_EXCL also detects "A" and "a" on a case-insensitive file system.
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(w.write(f, e), f.Close()); err != nil {
		return err
	}
	return setAttributes(dir, name, e)
}

func (w *fileWriter) write(f *os.File, e *Entry) error {
	if len(e.Chunks) >= longFile {
		if all, ok := w.pieces(e); ok {
			return errors.Join(w.writeLong(f, all), f.Truncate(e.Size))
		}
	}
	var at int64
	for _, h := range e.Chunks {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		b, err := w.Content.Chunk(w.ctx, h)
		if err != nil {
			return err
		}
		if int64(len(b)) > e.Size-at {
			return fmt.Errorf("the file has more content than the %d bytes that the manifest says", e.Size)
		}
		if err := writeSparse(f, b, at); err != nil {
			return err
		}
		at += int64(len(b))
	}
	if at < e.Size {
		return fmt.Errorf("the file has content of %d bytes, and the manifest says %d", at, e.Size)
	}
	return f.Truncate(e.Size)
}

// longFile is how many chunks a file has that is written at several places at a time.
const longFile = 8

// piece is a chunk of a file: where it begins, and its length.
type piece struct {
	hash   Hash
	at     int64
	length int
}

// read returns the content of a piece.
func (t *tree) read(ctx context.Context, p piece) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b, err := t.Content.Chunk(ctx, p.hash)
	if err == nil && len(b) != p.length {
		err = errDamaged
	}
	return b, err
}

// pieces returns where the chunks of a file go. It returns false if they are not all there or have
// not the file's size.
func (w *fileWriter) pieces(e *Entry) (all []piece, ok bool) {
	var at int64
	for _, h := range e.Chunks {
		n, ok := w.Content.Length(h)
		if !ok || int64(n) > e.Size-at {
			return nil, false
		}
		all = append(all, piece{h, at, n})
		at += int64(n)
	}
	return all, at == e.Size
}

// writeLong writes pieces of a file, some at a time.
func (w *fileWriter) writeLong(f *os.File, all []piece) error {
	ctx, fail := context.WithCancelCause(w.ctx)
	defer fail(nil)
	var work sync.WaitGroup
	for _, p := range all {
		w.reading <- struct{}{} // whoever has one gives it back soon
		work.Go(func() {
			defer func() { <-w.reading }()
			b, err := w.read(ctx, p)
			if err == nil {
				err = writeSparse(f, b, p.at)
			}
			if err != nil {
				fail(err)
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

// holeBytes is the least length of zeros that is not written, and becomes a hole where
// the file system has them.
const holeBytes = 64 << 10

var zeros [holeBytes]byte

// writeSparse writes b at an offset, except for blocks of zeros.
func writeSparse(f *os.File, b []byte, at int64) error {
	for len(b) > 0 {
		n := dataLength(b)
		if n > 0 {
			if _, err := f.WriteAt(b[:n], at); err != nil {
				return err
			}
		} else {
			n = holeBytes
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// dataLength is the length of b up to its first block of zeros.
func dataLength(b []byte) int {
	for i := 0; len(b)-i >= holeBytes; i += holeBytes {
		if [holeBytes]byte(b[i:]) == zeros {
			return i
		}
	}
	return len(b)
}
