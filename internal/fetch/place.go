package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// file fetches a file. Errors: errSame, a keptError.
func (f *fetcher) file(ctx context.Context, file File) error {
	if file.Download == nil {
		return errors.New("the server did not say where it is")
	}
	old, err := f.mayReplace(&file)
	if err != nil {
		if errors.Is(err, errSame) {
			f.setAttributes(file.Path, &file)
		}
		return err
	}
	if err := f.parents(file.Path, true); err != nil {
		return err
	}
	temp := f.newTemp(file.Path)
	w, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = f.download(ctx, w, &file)
	if err = errors.Join(err, w.Close()); err == nil {
		f.setAttributes(temp, &file)
		err = f.replace(temp, file.Path, old)
	}
	if err != nil {
		_ = f.root.Remove(temp) // the error is why
	}
	return err
}

// newTemp returns a name for the temporary file of a file, noted in the journal.
func (f *fetcher) newTemp(file string) string {
	temp := tempName(file)
	if f.journal != nil {
		_ = f.journal.add(temp) // what isn't noted is left only by a process that is killed
	}
	return temp
}

// setAttributes sets a file's mode and time, as far as the file system can.
func (f *fetcher) setAttributes(name string, file *File) {
	_ = f.root.Chmod(name, file.Perm())
	at := file.ModifiedAt
	if at.After(f.Now) { // else make would build again and again
		at = f.Now
	}
	if !at.IsZero() {
		_ = f.root.Chtimes(name, time.Time{}, at)
	}
}

// replace renames temp to name, unless there is another file now than old.
func (f *fetcher) replace(temp, name string, old fs.FileInfo) error {
	now, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !f.Force && (old == nil || !os.SameFile(old, now) || old.Size() != now.Size() || !old.ModTime().Equal(now.ModTime())):
		return &keptError{"has changed while it was fetched"}
	}
	return f.root.Rename(temp, name)
}

// mayReplace returns what is at the file's place, or nil. Errors: errSame, a keptError.
func (f *fetcher) mayReplace(file *File) (old fs.FileInfo, err error) {
	if err := f.parents(file.Path, false); err != nil {
		return nil, err
	}
	old, err = f.root.Lstat(file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mark := ""
	switch old.Mode().Type() {
	case 0:
		if mark, err = f.hash(file.Path); err != nil {
			return nil, err
		}
	case fs.ModeSymlink:
		target, err := f.root.Readlink(file.Path)
		if err != nil {
			return nil, err
		}
		mark = "link:" + target
	default:
		return nil, &keptError{"is not a file"}
	}
	if mark == file.mark() {
		return old, errSame
	}
	return old, f.checkUnchanged(file.Path, old, mark)
}

// checkUnchanged returns nil if the user can get back what is at the path: it was sent or
// fetched, and has not changed since.
func (f *fetcher) checkUnchanged(name string, old fs.FileInfo, mark string) error {
	if f.Force {
		return nil
	}
	unchanged, sent := false, false
	if f.Unchanged != nil {
		unchanged, sent = f.Unchanged(name, old)
	}
	fetched := ""
	if f.Record != nil {
		fetched = f.Record.get(name)
	}
	switch {
	case unchanged, fetched != "" && fetched == mark:
		return nil
	case sent:
		return &keptError{"has changed since it was sent"}
	case fetched != "":
		return &keptError{"has changed since it was fetched"}
	}
	return &keptError{"exists, and was neither sent nor fetched"}
}

func (f *fetcher) hash(name string) (string, error) {
	r, err := f.root.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// parents fails if a folder above the path is something else: also a link to a folder is,
// since it may lead anywhere. With create, it makes those that are missing.
func (f *fetcher) parents(name string, create bool) error {
	f.dirs.Lock()
	defer f.dirs.Unlock()
	for at, c := range name {
		dir := name[:at]
		if c != '/' || f.folders[dir] {
			continue
		}
		if create {
			if err := f.root.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		info, err := f.root.Lstat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Mode().Type() == fs.ModeSymlink:
			return &keptError{fmt.Sprintf("would be written through the symbolic link %q", dir)}
		case !info.IsDir():
			return &keptError{fmt.Sprintf("would be below %q, which is not a folder", dir)}
		}
		f.folders[dir] = true
	}
	return nil
}

// link makes a symbolic link.
func (f *fetcher) link(file File) error {
	old, err := f.mayReplace(&file)
	if err != nil {
		return err
	}
	if err := f.parents(file.Path, true); err != nil {
		return err
	}
	temp := f.newTemp(file.Path)
	if err := f.root.Symlink(file.Link, temp); err != nil {
		return err
	}
	if err := f.replace(temp, file.Path, old); err != nil {
		_ = f.root.Remove(temp) // the error is why
		return err
	}
	return nil
}
