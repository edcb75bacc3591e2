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
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ignoreFiles hold the ignore patterns for a directory. The second is read after
// the first, so it can include again ("!dist/") what git ignores.
var ignoreFiles = []string{".gitignore", ".errandignore"}

// maxIgnoreFile limits the size of an ignore file, in bytes.
const maxIgnoreFile = 1 << 20

// packTime is the time of every entry: the earliest that ZIP can express.
var packTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Packed describes the archive that Pack wrote.
type Packed struct {
	Files   int      // files and symbolic links
	Bytes   int64    // size of all files
	Size    int64    // size of the archive
	SHA256  string   // of the archive, in lower-case hex
	LeftOut []string // sockets, pipes and devices, which a ZIP can't contain
}

// Pack writes the directory dir to w as a ZIP. The same files with the same modes
// give the same bytes, independent of their times and of dir's path.
//
// Pack leaves out .git and what .gitignore and .errandignore files name, including
// the .gitignore files above dir in the same git work tree. It keeps symbolic links
// whose target is below dir; any other is an EntryError. Archives over the default
// Limits of Unpack fail with ErrTooLarge.
//
// Entries are sorted by name. Memory grows with the number of files, not their size.
func Pack(ctx context.Context, dir string, w io.Writer) (Packed, error) {
	return packWithin(ctx, dir, w, Limits{})
}

func packWithin(ctx context.Context, dir string, w io.Writer, l Limits) (Packed, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Packed{}, fmt.Errorf("pack: %w", err)
	}
	defer func() { _ = root.Close() }() // opened for reading
	prefix, rs, err := rulesAbove(dir)
	if err != nil {
		return Packed{}, fmt.Errorf("pack: %w", err)
	}
	sum := sha256.New()
	counted := &countingWriter{w: io.MultiWriter(w, sum)}
	p := &packer{ctx: ctx, root: root, prefix: prefix, zip: zip.NewWriter(counted), limits: l.withDefaults()}
	if err := p.dir(".", rs); err != nil {
		return Packed{}, fmt.Errorf("pack %s: %w", dir, err)
	}
	if err := p.zip.Close(); err != nil {
		return Packed{}, fmt.Errorf("pack %s: %w", dir, err)
	}
	p.out.Size, p.out.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return p.out, nil
}

type packer struct {
	ctx    context.Context
	root   *os.Root
	prefix string // path from the top of the git work tree: "" or with a trailing slash
	zip    *zip.Writer
	limits Limits
	count  int // entries so far
	out    Packed
}

// dir packs a directory's entries. rs are the rules of the directories above it.
func (p *packer) dir(name string, rs rules) error {
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	rs, err = p.addRules(name, rs)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := p.ctx.Err(); err != nil {
			return context.Cause(p.ctx)
		}
		at := path.Join(name, e.Name())
		if e.Name() == ".git" || rs.ignored(p.prefix+at, e.IsDir()) {
			continue
		}
		if err := p.entry(at, rs); err != nil {
			return wrapEntry(at, err)
		}
	}
	return nil
}

// addRules appends the rules of the directory's ignore files.
func (p *packer) addRules(name string, rs rules) (rules, error) {
	base := p.prefix
	if name != "." {
		base += name + "/"
	}
	for _, file := range ignoreFiles {
		f, err := p.root.Open(path.Join(name, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		text, err := readIgnoreFile(f)
		if err != nil {
			return nil, wrapEntry(path.Join(name, file), err)
		}
		rs = append(slices.Clip(rs), parseRules(text, base)...)
	}
	return rs, nil
}

func readIgnoreFile(f *os.File) ([]byte, error) {
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if err == nil && len(text) > maxIgnoreFile {
		err = fmt.Errorf("the file has more than %d bytes", maxIgnoreFile)
	}
	return text, err
}

// rulesAbove reads the .gitignore files above dir, up to the top of its git work
// tree, if it is in one. prefix is dir's path relative to that top.
func rulesAbove(dir string) (prefix string, rs rules, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	var above []string // from dir's parent up to the top
	for at := abs; ; at = filepath.Dir(at) {
		if at != abs {
			above = append(above, at)
		}
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			break
		}
		if at == filepath.Dir(at) {
			return "", nil, nil
		}
	}
	if len(above) == 0 {
		return "", nil, nil
	}
	top := above[len(above)-1]
	for _, at := range slices.Backward(above) {
		f, err := os.Open(filepath.Join(at, ".gitignore"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		text, err := readIgnoreFile(f)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		rs = append(rs, parseRules(text, relativePath(top, at))...)
	}
	return relativePath(top, abs), rs, nil
}

// relativePath returns dir's path relative to top, with slashes and a trailing
// slash; "" if they are the same.
func relativePath(top, dir string) string {
	rel, err := filepath.Rel(top, dir)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel) + "/"
}

func (p *packer) entry(name string, rs rules) error {
	if _, err := cleanName(name); err != nil {
		return fmt.Errorf("%w; rename it, or leave it out with .errandignore", err)
	}
	if err := p.limits.checkDepth(name); err != nil {
		return fmt.Errorf("%w; leave it out with .errandignore", err)
	}
	info, err := p.root.Lstat(name)
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case 0:
		return p.file(name)
	case fs.ModeDir:
		if _, err := p.header(name+"/", info.Mode()&0o777|fs.ModeDir); err != nil {
			return err
		}
		return p.dir(name, rs)
	case fs.ModeSymlink:
		return p.link(name)
	default:
		p.out.LeftOut = append(p.out.LeftOut, name)
		return nil
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

func (p *packer) file(name string) error {
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat() // not Lstat's, which may be of another file
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("the file was replaced while it was being packed")
	}
	if info.Size() > p.limits.MaxBytes-p.out.Bytes {
		return fmt.Errorf("the files have more than %d bytes (%w); list what the job doesn't need in .errandignore", p.limits.MaxBytes, ErrTooLarge)
	}
	w, err := p.header(name, info.Mode()&0o777)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, &contextReader{p.ctx, f})
	p.out.Files++
	p.out.Bytes += n
	return err
}

func (p *packer) link(name string) error {
	target, err := p.root.Readlink(name)
	if err != nil {
		return err
	}
	target = filepath.ToSlash(target)
	err = checkLink(name, target)
	if err == nil {
		err = followLink(p.root, name)
	}
	if err != nil {
		return fmt.Errorf("%w; make it relative, or leave it out with .errandignore", err)
	}
	w, err := p.header(name, fs.ModeSymlink|0o777)
	if err != nil {
		return err
	}
	p.out.Files++
	_, err = io.WriteString(w, target)
	return err
}

// followLink follows a link as the system would. It may be dangling or a loop, but
// must not leave the root.
func followLink(root *os.Root, name string) error {
	_, err := root.Stat(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) || isLoop(err) {
		return nil
	}
	return fmt.Errorf("the symbolic link points outside the directory (%w): %w", err, ErrUnsafe)
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
