package upload

import (
	"bytes"
	"context"
	"io/fs"
	"iter"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/project"
)

// file is an entry of the selection, with its content if that has to be read.
type file struct {
	entry   *project.Entry
	isKnown bool             // the file has not changed, and packs have all of it
	known   []manifest.Hash  // its chunks then
	before  []manifest.Chunk // of a long file that has changed: its chunks before
	chunks  chan chunk       // of another file
	done    chan opened      // after the last chunk
}

// chunk is a piece of a file's content. data is nil if a pack is known that has it.
type chunk struct {
	hash   manifest.Hash
	data   []byte
	length int
}

// opened is what a file was when it was opened.
type opened struct {
	mode    fs.FileMode
	modTime time.Time
	err     error
}

// Files are read ahead by some goroutines.
const (
	readers   = 4
	readAhead = 64 // files
)

// read returns all entries in their order. Files are read while others are packed.
func (r *run) read() iter.Seq[*file] {
	return func(yield func(*file) bool) {
		inOrder, toRead := make(chan *file, readAhead), make(chan *file)
		ctx, stop := context.WithCancel(r.ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer stop()
		work.Go(func() { r.feed(ctx, inOrder, toRead) })
		for range readers {
			work.Go(func() {
				c := manifest.NewChunker()
				for f := range toRead {
					f.done <- r.readFile(ctx, f, c)
					close(f.chunks)
				}
			})
		}
		for f := range inOrder {
			if !yield(f) {
				return
			}
		}
	}
}

// feed puts all entries into inOrder, and those that must be read into toRead, too.
func (r *run) feed(ctx context.Context, inOrder, toRead chan<- *file) {
	defer close(inOrder)
	defer close(toRead)
	for i := range r.folder.Entries {
		f := &file{entry: &r.folder.Entries[i]}
		isRead := false
		if f.entry.Kind == project.File {
			f.known = r.files[i]
			f.isKnown = f.known != nil && r.hasAll(f.known)
			isRead = !f.isKnown
		}
		if isRead {
			f.before = r.before[i]
			f.chunks, f.done = make(chan chunk, 1), make(chan opened, 1)
		}
		select {
		case inOrder <- f:
		case <-ctx.Done():
			return
		}
		if !isRead {
			continue
		}
		select {
		case toRead <- f:
		case <-ctx.Done():
			return
		}
	}
}

func (r *run) hasAll(chunks []manifest.Hash) bool {
	for _, h := range chunks {
		if !r.kept[h] {
			return false
		}
	}
	return true
}

// readFile puts the chunks of a file into its channel.
func (r *run) readFile(ctx context.Context, f *file, c *manifest.Chunker) opened {
	in, err := r.folder.Open(f.entry)
	if err != nil {
		return opened{err: err}
	}
	out := opened{mode: in.Mode, modTime: in.ModTime}
	out.err = f.cut(c, in, func(h manifest.Hash, data []byte) error {
		next := chunk{hash: h, length: len(data)}
		if !r.kept[h] {
			next.data = bytes.Clone(data)
		}
		select {
		case f.chunks <- next:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err := in.Close(); out.err == nil {
		out.err = err
	}
	return out
}

func (f *file) cut(c *manifest.Chunker, in *project.OpenFile, each func(manifest.Hash, []byte) error) error {
	if f.before != nil {
		return c.CutAgain(in, in.Size, f.before, each)
	}
	return c.Cut(in, each)
}

// each hands the chunks of a file to do, and returns what the file was.
func (f *file) each(ctx context.Context, do func(chunk) error) opened {
	for {
		select {
		case c, ok := <-f.chunks:
			if !ok {
				return <-f.done
			}
			if err := do(c); err != nil {
				return opened{err: err}
			}
		case <-ctx.Done():
			return opened{err: context.Cause(ctx)}
		}
	}
}

// skip takes what is read of a file that isn't needed.
func (f *file) skip(ctx context.Context) {
	if f.chunks != nil {
		_ = f.each(ctx, func(chunk) error { return nil })
	}
}
