package archive

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// Limits bound what Unpack writes. A zero member means its default.
type Limits struct {
	MaxBytes int64 // of all files together, as written, whatever the archive declares
	MaxFiles int   // entries of all kinds, and directories that they imply
}

// The defaults of Limits.
const (
	DefaultMaxBytes = 50 << 30
	DefaultMaxFiles = 250_000
)

// ErrTooLarge is in the chain of the errors for an archive over a limit.
var ErrTooLarge = errors.New("the archive is over a limit")

// Stats says what Unpack wrote.
type Stats struct {
	Files int   // and symbolic links
	Dirs  int   // that were made
	Bytes int64 // of the files
}

// Unpack unpacks the ZIP at zipPath into dir, which is made if it isn't there.
// It trusts nothing in the archive: no entry, by its name or through a symbolic
// link, is written outside dir or over something that exists; there are only
// files, directories and links that stay inside; no name comes twice; what is
// written is counted against l. Modes keep their permission bits but for set-ID,
// sticky and writing by others; the owner can always read and, for directories,
// enter and write.
//
// The error names the entry. What was written until then stays: remove dir.
func Unpack(ctx context.Context, zipPath, dir string, l Limits) (Stats, error) {
	s, err := unpack(ctx, zipPath, dir, l)
	if err != nil {
		return s, fmt.Errorf("unpack the archive: %w", err)
	}
	return s, nil
}

func unpack(ctx context.Context, zipPath, dir string, l Limits) (Stats, error) {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = DefaultMaxFiles
	}
	f, err := os.Open(zipPath)
	if err != nil {
		return Stats{}, err
	}
	defer f.Close()
	zr, err := openZip(f, l)
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
	defer func() { _ = root.Close() }() // a handle: nothing is buffered in it
	u := &unpacker{ctx: ctx, root: root, limits: l, kinds: map[string]kind{".": implied}}
	err = u.all(zr.File)
	return u.stats, err
}

// directoryEntryBytes is what is allowed on average for an entry in the ZIP's
// directory: a header of 46 bytes, name and extra fields.
const directoryEntryBytes = 512

// openZip reads the ZIP's directory, and no more of the file than a directory of
// l.MaxFiles entries needs: all of it is held in memory.
func openZip(f *os.File, l Limits) (*zip.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	budget := &budgetReaderAt{r: f, left: 1<<20 + int64(l.MaxFiles)*directoryEntryBytes}
	zr, err := zip.NewReader(budget, info.Size())
	if errors.Is(err, zip.ErrInsecurePath) {
		err = nil // cleanName says it better, and names the entry
	}
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("the file is not a whole ZIP: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if len(zr.File) > l.MaxFiles {
		return nil, fmt.Errorf("it has %d entries, the limit is %d: %w", len(zr.File), l.MaxFiles, ErrTooLarge)
	}
	budget.left = -1
	return zr, nil
}

// budgetReaderAt fails after so many bytes were read. left < 0: it doesn't.
type budgetReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (b *budgetReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.r.ReadAt(p, off)
	if b.left < 0 {
		return n, err
	}
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return 0, fmt.Errorf("its directory is too long: %w", ErrTooLarge)
	}
	return n, err
}

// kind is what a path of the archive is.
type kind int

const (
	implied kind = iota + 1 // a directory that another entry's name implies
	directory
	file
	link
)

type unpacker struct {
	ctx    context.Context
	root   *os.Root
	limits Limits
	stats  Stats
	kinds  map[string]kind
	links  []string // in the archive's order
	target map[string]string
	dirs   []dirMode
}

type dirMode struct {
	name string
	mode fs.FileMode
}

// all writes files and directories first, links after them, and the modes of
// directories last: so no file can be written through a link, and none fails
// because its directory is closed already.
func (u *unpacker) all(entries []*zip.File) error {
	if err := u.declared(entries); err != nil {
		return err
	}
	u.target = map[string]string{}
	for _, e := range entries {
		if err := u.ctx.Err(); err != nil {
			return context.Cause(u.ctx)
		}
		if err := u.entry(e); err != nil {
			return wrapEntry(e.Name, err)
		}
	}
	for _, name := range u.links {
		if err := u.root.Symlink(u.target[name], name); err != nil {
			return wrapEntry(name, err)
		}
	}
	for _, name := range u.links { // a link may lead through a later one
		if err := followLink(u.root, name); err != nil {
			return wrapEntry(name, err)
		}
	}
	for i := len(u.dirs) - 1; i >= 0; i-- {
		if err := u.narrow(u.dirs[i]); err != nil {
			return wrapEntry(u.dirs[i].name, err)
		}
	}
	return nil
}

// declared refuses an archive that says itself that it is too large, before
// anything is written. One that lies is stopped while it is written.
func (u *unpacker) declared(entries []*zip.File) error {
	left := uint64(u.limits.MaxBytes)
	for _, e := range entries {
		if e.UncompressedSize64 > left {
			return entryErrorf(e.Name, "with it the archive unpacks to more than %d bytes: %w", u.limits.MaxBytes, ErrTooLarge)
		}
		left -= e.UncompressedSize64
	}
	return nil
}

func (u *unpacker) entry(e *zip.File) error {
	name, err := cleanName(e.Name)
	if err != nil {
		return err
	}
	if e.Flags&1 != 0 {
		return errors.New("it is encrypted, which isn't supported")
	}
	mode := e.Mode()
	switch mode.Type() { // a slash at the name's end counts as a directory's bit
	case fs.ModeDir:
		return u.dir(name, mode)
	case 0:
		return u.file(e, name)
	case fs.ModeSymlink:
		return u.link(e, name)
	default:
		return fmt.Errorf("it is neither a file, a directory nor a symbolic link (%s): %w", mode, ErrUnsafe)
	}
}

// claim takes a path for an entry, and makes the directories above it.
func (u *unpacker) claim(name string, k kind) error {
	old := u.kinds[name]
	switch {
	case old == implied && k == directory:
	case old != 0:
		return errors.New("the name comes twice")
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

// narrow gives a directory its mode, but nothing that the umask took.
func (u *unpacker) narrow(d dirMode) error {
	info, err := u.root.Lstat(d.name)
	if err != nil || info.Mode().Perm()&d.mode == info.Mode().Perm() {
		return err
	}
	return u.root.Chmod(d.name, info.Mode().Perm()&d.mode)
}

func (u *unpacker) count() error {
	if len(u.kinds)-1 >= u.limits.MaxFiles { // the top doesn't count
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
		return fmt.Errorf("it lies below %q, which is a file", dir)
	case link:
		return fmt.Errorf("it lies below %q, which is a symbolic link: %w", dir, ErrUnsafe)
	}
	if err := u.parents(dir); err != nil {
		return err
	}
	if err := u.count(); err != nil {
		return err
	}
	u.kinds[dir] = implied
	u.stats.Dirs++
	return u.root.Mkdir(dir, 0o755)
}

func (u *unpacker) dir(name string, mode fs.FileMode) error {
	if name == "." {
		return nil
	}
	made := u.kinds[name] == implied
	if err := u.claim(name, directory); err != nil {
		return err
	}
	u.dirs = append(u.dirs, dirMode{name, maskDir(mode)})
	if made {
		return nil
	}
	u.stats.Dirs++
	return u.root.Mkdir(name, 0o755)
}

// The bits of set-ID, sticky and writing by others never come from an archive.
const maskedOff = 0o022

// maskDir is a directory's mode as it is written; 0 stands for "not said".
func maskDir(mode fs.FileMode) fs.FileMode {
	if mode.Perm() == 0 {
		return 0o755
	}
	return mode.Perm()&^maskedOff | 0o700
}

func maskFile(mode fs.FileMode) fs.FileMode {
	if mode.Perm() == 0 {
		return 0o644
	}
	return mode.Perm()&^maskedOff | 0o400
}

func (u *unpacker) file(e *zip.File, name string) error {
	if err := u.claim(name, file); err != nil {
		return err
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	// Exclusive: on a file system that folds case, "A" and "a" are found out here.
	w, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, maskFile(e.Mode()))
	if errors.Is(err, fs.ErrExist) {
		return errors.New("there is a file of this name already; names may differ in more than case")
	}
	if err != nil {
		return err
	}
	n, err := u.copy(w, r)
	u.stats.Files++
	u.stats.Bytes += n
	return errors.Join(err, w.Close())
}

// copy copies what the limit leaves, and one byte more to know.
func (u *unpacker) copy(w io.Writer, r io.Reader) (int64, error) {
	left := u.limits.MaxBytes - u.stats.Bytes
	n, err := io.Copy(w, io.LimitReader(&contextReader{u.ctx, r}, left+1))
	if err == nil && n > left {
		err = fmt.Errorf("the archive unpacks to more than %d bytes, whatever it declares: %w", u.limits.MaxBytes, ErrTooLarge)
	}
	return n, err
}

func (u *unpacker) link(e *zip.File, name string) error {
	if err := u.claim(name, link); err != nil {
		return err
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, maxPath+1))
	if err != nil {
		return err
	}
	if err := checkLink(name, string(target)); err != nil {
		return err
	}
	u.links = append(u.links, name)
	u.target[name] = string(target)
	u.stats.Files++
	return nil
}
