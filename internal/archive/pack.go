package archive

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/errandhq/errand/internal/project"
)

// packTime is the time of every entry: the earliest that ZIP can express.
var packTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Packed describes the archive that Pack wrote.
type Packed struct {
	Files  int    // files and symbolic links
	Bytes  int64  // size of all files
	Size   int64  // size of the archive
	SHA256 string // of the archive, in lower-case hex
}

// Pack writes the selection to w as a ZIP. The same files with the same modes
// give the same bytes, independent of their times and of the folder's path.
//
// A file that is gone is left out, and one that grows is cut at the size that it has
// when it is opened. Archives over the default Limits of Unpack fail with ErrTooLarge.
//
// Memory grows with the number of files, not their size.
func Pack(ctx context.Context, s *project.Selection, w io.Writer) (Packed, error) {
	return packWithin(ctx, s, w, Limits{})
}

func packWithin(ctx context.Context, s *project.Selection, w io.Writer, l Limits) (Packed, error) {
	sum := sha256.New()
	counted := &countingWriter{w: io.MultiWriter(w, sum)}
	p := &packer{ctx: ctx, from: s, zip: zip.NewWriter(counted), limits: l.WithDefaults()}
	for i := range s.Entries {
		if ctx.Err() != nil {
			return Packed{}, context.Cause(ctx)
		}
		if err := p.entry(&s.Entries[i]); err != nil {
			return Packed{}, wrapEntry(s.Entries[i].Path, err)
		}
	}
	if err := p.zip.Close(); err != nil {
		return Packed{}, fmt.Errorf("write the archive: %w", err)
	}
	p.out.Size, p.out.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return p.out, nil
}

type packer struct {
	ctx    context.Context
	from   *project.Selection
	zip    *zip.Writer
	limits Limits
	count  int // entries so far
	out    Packed
}

func (p *packer) entry(e *project.Entry) error {
	if err := p.limits.checkDepth(e.Path); err != nil {
		return fmt.Errorf("%w; leave it out with .errandignore", err)
	}
	switch e.Kind {
	case project.Folder:
		_, err := p.header(e.Path+"/", e.Mode.Perm()|fs.ModeDir)
		return err
	case project.Link:
		return p.link(e)
	default:
		return p.file(e)
	}
}

func (p *packer) header(name string, mode fs.FileMode) (io.Writer, error) {
	if p.count++; p.count > p.limits.MaxFiles {
		return nil, fmt.Errorf("there are more than %d files and directories (%w); list what the job doesn't need in .errandignore", p.limits.MaxFiles, ErrTooLarge)
	}
	h := &zip.FileHeader{Name: name, Modified: packTime}
	h.SetMode(mode)
	if mode.IsRegular() {
		h.Method = zip.Deflate
	}
	return p.zip.CreateHeader(h)
}

func (p *packer) file(e *project.Entry) error {
	f, err := p.from.Open(e)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading
	if f.Size > p.limits.MaxBytes-p.out.Bytes {
		return fmt.Errorf("the files have more than %d bytes (%w); list what the job doesn't need in .errandignore", p.limits.MaxBytes, ErrTooLarge)
	}
	w, err := p.header(e.Path, f.Mode.Perm())
	if err != nil {
		return err
	}
	n, err := io.Copy(w, &contextReader{p.ctx, f})
	p.out.Files++
	p.out.Bytes += n
	return err
}

func (p *packer) link(e *project.Entry) error {
	w, err := p.header(e.Path, fs.ModeSymlink|0o777)
	if err != nil {
		return err
	}
	p.out.Files++
	_, err = io.WriteString(w, e.Target)
	return err
}

// wrapEntry makes err an EntryError, unless it is one or a context's.
func wrapEntry(name string, err error) error {
	var e *EntryError
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &EntryError{Name: name, Err: err}
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// contextReader fails when its context has ended.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(b)
}
