// Package project selects the files of a user's folder that a job gets.
package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Kind is the kind of an entry.
type Kind uint8

// Kinds of entries.
const (
	File Kind = iota + 1
	Folder
	Link // a symbolic link
)

// An Entry is a file, a folder or a symbolic link of a selection.
type Entry struct {
	Path    string // relative to the folder, with slashes; it may have any other byte but NUL
	Kind    Kind
	Mode    fs.FileMode // permission, set-ID and sticky bits, without the type's
	Size    int64       // of a file, in bytes, when it was listed
	ModTime time.Time
	Target  string // of a link, with slashes
	ID      FileID
	Links   uint64 // how many names the file has on its file system; 0 if that is unknown

	at      location
	content []byte // of a file that is written for the job
}

// FileID tells a file from others that had its name before. It is zero where the system
// does not say.
type FileID struct {
	Device, Inode uint64
	ChangeTime    time.Time // of the file's content or attributes
}

// location is where an entry is on this machine.
type location struct {
	root    *os.Root
	name    string
	outside string // absolute path, if a link led to it: then root is nil
}

func (l location) below(name string) location {
	switch {
	case l.root == nil:
		return location{outside: filepath.Join(l.outside, name)}
	case l.name == ".":
		return location{root: l.root, name: name}
	}
	return location{root: l.root, name: l.name + "/" + name}
}

func (l location) open() (*os.File, error) {
	if l.root == nil {
		return os.OpenFile(l.outside, os.O_RDONLY|nonBlocking, 0)
	}
	return l.root.OpenFile(l.name, os.O_RDONLY|nonBlocking, 0)
}

// A Note tells the user about an entry that may surprise.
type Note struct {
	Path string
	Text string // what was done with it, and why
}

func (n Note) String() string { return fmt.Sprintf("%q %s", n.Path, n.Text) }

// Selection is what a job gets of a folder. Close it.
type Selection struct {
	// Entries are in the order of a walk: a folder before what is in it, and the names
	// of a folder in the order of their bytes.
	Entries []Entry
	Notes   []Note
	Files   int   // files and links
	Bytes   int64 // of all files, when they were listed

	// Read, if it is set, is told of each piece of a file that is read.
	Read func(bytes int64)

	folder string // its absolute path
	listed time.Time
	roots  []*os.Root
}

// Close releases the folder.
func (s *Selection) Close() error {
	var err error
	for _, r := range s.roots {
		err = errors.Join(err, r.Close())
	}
	return err
}

// OpenFile is the content of an entry: at most Size bytes, also of a file that grows.
type OpenFile struct {
	io.Reader
	Size    int64 // when it was opened
	Mode    fs.FileMode
	ModTime time.Time

	at   io.ReaderAt
	file *os.File
}

// ReadAt implements io.ReaderAt. It may be called before and after Read.
func (f *OpenFile) ReadAt(b []byte, off int64) (int, error) { return f.at.ReadAt(b, off) }

// Close closes the file.
func (f *OpenFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Open opens a file of the selection. A file that is gone, or is no longer a file, is an
// error that is [fs.ErrNotExist]: leave it out.
func (s *Selection) Open(e *Entry) (*OpenFile, error) {
	if e.at == (location{}) {
		r := bytes.NewReader(e.content)
		return &OpenFile{Reader: r, at: r, Size: int64(len(e.content)), Mode: e.Mode, ModTime: e.ModTime}, nil
	}
	f, err := e.at.open()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // not the walk's, which may be of another file
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: e.Path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &OpenFile{
		Reader: &reader{io.LimitReader(f, info.Size()), s.Read}, Size: info.Size(),
		Mode: modeBits(info.Mode()), ModTime: info.ModTime(), at: &readerAt{f, s.Read}, file: f,
	}, nil
}

type reader struct {
	io.Reader
	tell func(int64)
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if r.tell != nil && n > 0 {
		r.tell(int64(n))
	}
	return n, err
}

type readerAt struct {
	io.ReaderAt
	tell func(int64)
}

func (r *readerAt) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	if r.tell != nil && n > 0 {
		r.tell(int64(n))
	}
	return n, err
}

func modeBits(m fs.FileMode) fs.FileMode {
	return m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
