package archive

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Limits of an unpacked archive. Zero values mean the defaults.
type Limits struct {
	MaxBytes int64 // of all files together, as written rather than declared
	MaxFiles int   // files, links and directories, including implied directories
	MaxDepth int   // elements of a path
}

// Defaults of Limits.
const (
	DefaultMaxBytes = 50 << 30
	DefaultMaxFiles = 250_000
	// DefaultMaxDepth bounds the time that a path takes: each level is opened anew for
	// each entry.
	DefaultMaxDepth = 255
)

// ErrTooLarge: the archive exceeds one of the Limits.
var ErrTooLarge = errors.New("the archive is too large")

// Stats describes what Unpack wrote.
type Stats struct {
	Files int   // files and symbolic links
	Dirs  int   // created directories
	Bytes int64 // size of all files
}

// Progress is told how much Unpack writes.
type Progress interface {
	Start(total int64) // bytes that the archive says it has
	Add(n int64)
}

// Unpack unpacks the ZIP at zipPath into dir, and creates dir if needed. It tells p, unless
// that is nil, how far it is.
//
// It doesn't trust the archive. It writes only files, directories and symbolic
// links, none of them outside dir, over an existing file or beyond the limits, and
// no name twice. Links may point anywhere, but it never follows one. It sets the times
// of files and directories, none of them in the future, and their permission bits. The
// owner can always read files, and read, write and enter directories.
//
// Errors of an entry are an EntryError. After an error dir holds a part of the
// archive: remove it.
func Unpack(ctx context.Context, zipPath, dir string, l Limits, p Progress) (Stats, error) {
	s, err := unpack(ctx, zipPath, dir, l, p)
	if err != nil {
		return s, fmt.Errorf("unpack the archive: %w", err)
	}
	return s, nil
}

func unpack(ctx context.Context, zipPath, dir string, l Limits, p Progress) (Stats, error) {
	l = l.WithDefaults()
	f, err := os.Open(zipPath)
	if err != nil {
		return Stats{}, err
	}
	defer f.Close()
	zr, err := openZip(ctx, f, l)
	if err != nil {
		return Stats{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Stats{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Stats{}, err
	}
	defer func() { _ = root.Close() }() // nothing is buffered
	u := &unpacker{ctx: ctx, root: root, limits: l, progress: p, kinds: map[string]kind{".": implied}}
	err = u.all(zr.File)
	return u.stats, err
}

// WithDefaults returns l with the defaults for what is zero.
func (l Limits) WithDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = DefaultMaxFiles
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	return l
}

// checkDepth checks a clean path.
func (l *Limits) checkDepth(name string) error {
	if depth := strings.Count(name, "/") + 1; depth > l.MaxDepth {
		return fmt.Errorf("the path has %d elements, the limit is %d: %w", depth, l.MaxDepth, ErrTooLarge)
	}
	return nil
}

// directoryEntryBytes limits the average size of an entry in the ZIP's central
// directory: a header of 46 bytes, the name and extra fields.
const directoryEntryBytes = 512

// openZip reads the ZIP's central directory into memory, and fails if it is larger
// than l.MaxFiles entries need.
func openZip(ctx context.Context, f *os.File, l Limits) (*zip.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	budget := &budgetReaderAt{ctx: ctx, r: f, left: 1<<20 + int64(l.MaxFiles)*directoryEntryBytes}
	zr, err := zip.NewReader(budget, info.Size())
	if errors.Is(err, zip.ErrInsecurePath) {
		err = nil // cleanName checks names, and its errors name the entry
	}
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("the file is not a complete ZIP: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if len(zr.File) > l.MaxFiles {
		return nil, fmt.Errorf("the archive has %d entries, the limit is %d: %w", len(zr.File), l.MaxFiles, ErrTooLarge)
	}
	budget.left = -1
	return zr, nil
}

// budgetReaderAt fails when more than left bytes are read, unless left is negative,
// and when its context has ended.
type budgetReaderAt struct {
	ctx  context.Context
	r    io.ReaderAt
	left int64
}

func (b *budgetReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.r.ReadAt(p, off)
	if b.left < 0 {
		return n, err
	}
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return 0, fmt.Errorf("the archive's directory is too long: %w", ErrTooLarge)
	}
	return n, err
}

// kind is the kind of a path in the archive.
type kind int

const (
	implied kind = iota + 1 // a directory that another entry's name implies
	directory
	file
	link
)

type unpacker struct {
	ctx      context.Context
	root     *os.Root
	limits   Limits
	stats    Stats
	progress Progress // nil: nobody asks
	kinds    map[string]kind
	links    []string          // in the archive's order
	target   map[string]string // of links
	files    []attributes
	dirs     []attributes
}

// attributes are what is set when everything is there.
type attributes struct {
	name    string
	mode    fs.FileMode
	exact   bool // the archive comes from a system with such modes
	modTime time.Time
}

// all creates files and directories first, so that none is written through a link;
// then links; and last it sets the modes of directories, which may be read-only.
func (u *unpacker) all(entries []*zip.File) error {
	if err := u.checkDeclaredSizes(entries); err != nil {
		return err
	}
	u.target = map[string]string{}
	for _, e := range entries {
		if err := u.step(e.Name, func() error { return u.entry(e) }); err != nil {
			return err
		}
	}
	for _, name := range u.links {
		if err := u.step(name, func() error { return u.collision(name, u.root.Symlink(u.target[name], name)) }); err != nil {
			return err
		}
	}
	return u.setAttributes()
}

// setAttributes sets times and modes, those of directories last.
func (u *unpacker) setAttributes() error {
	var times []*time.Time
	slices.Reverse(u.dirs)
	all := slices.Concat(u.files, u.dirs)
	for i := range all {
		times = append(times, &all[i].modTime)
	}
	KeepBefore(time.Now(), times)
	for _, a := range all {
		if err := u.step(a.name, func() error { return u.set(a) }); err != nil {
			return err
		}
	}
	return nil
}

// earliest is the earliest time that a ZIP can express, and stands for none.
var earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (u *unpacker) set(a attributes) error {
	if a.modTime.After(earliest) {
		if err := u.root.Chtimes(a.name, a.modTime, a.modTime); err != nil {
			return err
		}
	}
	if a.exact {
		return u.root.Chmod(a.name, a.mode)
	}
	return u.restrictMode(a)
}

// step does what an entry needs, unless the context has ended.
func (u *unpacker) step(name string, do func() error) error {
	if u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	return wrapEntry(name, do())
}

// checkDeclaredSizes refuses an archive whose declared sizes exceed the limit before
// anything is written. copy checks the real sizes.
func (u *unpacker) checkDeclaredSizes(entries []*zip.File) error {
	left := uint64(u.limits.MaxBytes)
	for _, e := range entries {
		if e.UncompressedSize64 > left {
			return entryErrorf(e.Name, "the archive unpacks to more than %d bytes: %w", u.limits.MaxBytes, ErrTooLarge)
		}
		left -= e.UncompressedSize64
	}
	if u.progress != nil {
		u.progress.Start(u.limits.MaxBytes - int64(left))
	}
	return nil
}

func (u *unpacker) entry(e *zip.File) error {
	name, err := cleanName(e.Name)
	if err != nil {
		return err
	}
	if err := u.limits.checkDepth(name); err != nil {
		return err
	}
	if e.Flags&1 != 0 {
		return errors.New("the entry is encrypted, which is not supported")
	}
	mode := e.Mode()
	switch mode.Type() { // zip sets ModeDir for names with a trailing slash
	case fs.ModeDir:
		return u.dir(e, name)
	case 0:
		return u.file(e, name)
	case fs.ModeSymlink:
		return u.link(e, name)
	default:
		return fmt.Errorf("it is neither a file, a directory nor a symbolic link (%s): %w", mode, ErrUnsafe)
	}
}

// addPath records the path of an entry, and creates the directories above it.
func (u *unpacker) addPath(name string, k kind) error {
	old := u.kinds[name]
	switch {
	case old == implied && k == directory:
	case old != 0:
		return errors.New("the archive has two entries with this name")
	}
	if err := u.parents(name); err != nil {
		return err
	}
	if old == 0 {
		if err := u.count(); err != nil {
			return err
		}
	}
	u.kinds[name] = k
	return nil
}

// restrictMode sets the mode without the bits that the umask cleared.
func (u *unpacker) restrictMode(d attributes) error {
	info, err := u.root.Lstat(d.name)
	if err != nil || info.Mode().Perm()&d.mode == info.Mode().Perm() {
		return err
	}
	return u.root.Chmod(d.name, info.Mode().Perm()&d.mode)
}

func (u *unpacker) count() error {
	if len(u.kinds)-1 >= u.limits.MaxFiles { // without the top
		return fmt.Errorf("the archive has more than %d files and directories: %w", u.limits.MaxFiles, ErrTooLarge)
	}
	return nil
}

func (u *unpacker) parents(name string) error {
	dir := path.Dir(name)
	switch u.kinds[dir] {
	case implied, directory:
		return nil
	case file:
		return fmt.Errorf("%q above it is a file", shorten(dir))
	case link:
		return fmt.Errorf("%q above it is a symbolic link: %w", shorten(dir), ErrUnsafe)
	}
	if err := u.parents(dir); err != nil {
		return err
	}
	if err := u.count(); err != nil {
		return err
	}
	u.kinds[dir] = implied
	u.stats.Dirs++
	return u.collision(dir, u.root.Mkdir(dir, 0o755))
}

func (u *unpacker) dir(e *zip.File, name string) error {
	if name == "." {
		return nil
	}
	made := u.kinds[name] == implied
	if err := u.addPath(name, directory); err != nil {
		return err
	}
	u.dirs = append(u.dirs, newAttributes(e, name))
	if made {
		return nil
	}
	u.stats.Dirs++
	return u.collision(name, u.root.Mkdir(name, 0o755))
}

// collision explains that a name exists already, although the archive has it once.
func (u *unpacker) collision(name string, err error) error {
	return Collision(name, maps.Keys(u.kinds), err)
}

// Collision explains an error of making a file, if it is that the name exists already.
// others are the names of the archive.
func Collision(name string, others iter.Seq[string], err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	for other := range others {
		if other != name && sameSpelling(other, name) {
			return fmt.Errorf("%q and %q are one name on this worker: they differ only in case or in how accents are encoded; rename one, or send the job to another worker", shorten(other), shorten(name))
		}
	}
	return errors.New("a file of this name exists already")
}

// Systems that an archive can come from whose modes are Unix's: section 4.4.2 of
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
const (
	creatorUnix  = 3
	creatorMacOS = 19
)

// newAttributes are those of an entry: the permission bits where they are Unix's, or else
// without write permission for group and others. The owner can use directories and read
// files. Mode 0 means unspecified.
func newAttributes(e *zip.File, name string) attributes {
	creator := e.CreatorVersion >> 8
	a := attributes{name: name, mode: e.Mode().Perm(), modTime: e.Modified, exact: creator == creatorUnix || creator == creatorMacOS}
	if !a.exact {
		a.mode &^= 0o022
	}
	isDir := e.Mode().IsDir()
	switch {
	case a.mode == 0 && isDir:
		a.mode, a.exact = 0o755, false
	case a.mode == 0:
		a.mode, a.exact = 0o644, false
	case isDir:
		a.mode |= 0o700
	default:
		a.mode |= 0o400
	}
	return a
}

func (u *unpacker) file(e *zip.File, name string) error {
	if err := u.addPath(name, file); err != nil {
		return err
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	// O_EXCL also detects "A" and "a" on a case-insensitive file system.
	a := newAttributes(e, name)
	u.files = append(u.files, a)
	w, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, a.mode|0o200)
	if err != nil {
		return u.collision(name, err)
	}
	n, err := u.copy(w, r)
	u.stats.Files++
	u.stats.Bytes += n
	return errors.Join(err, w.Close())
}

// copy copies up to the limit, and reads one byte more to detect an excess.
func (u *unpacker) copy(w io.Writer, r io.Reader) (int64, error) {
	left := u.limits.MaxBytes - u.stats.Bytes
	r = &contextReader{u.ctx, r}
	if u.progress != nil {
		r = &progressReader{r, u.progress}
	}
	n, err := io.Copy(w, io.LimitReader(r, left+1))
	if err == nil && n > left {
		err = fmt.Errorf("the archive unpacks to more than %d bytes, although it declares less: %w", u.limits.MaxBytes, ErrTooLarge)
	}
	return n, err
}

type progressReader struct {
	io.Reader
	progress Progress
}

func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.progress.Add(int64(n))
	return n, err
}

func (u *unpacker) link(e *zip.File, name string) error {
	if err := u.addPath(name, link); err != nil {
		return err
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(&contextReader{u.ctx, r}, maxPath+1))
	if err != nil {
		return err
	}
	if err := checkLink(string(target)); err != nil {
		return err
	}
	u.links = append(u.links, name)
	u.target[name] = string(target)
	u.stats.Files++
	return nil
}
