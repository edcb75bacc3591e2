package jobcache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
)

// Restored says what was put back.
type Restored struct {
	archive.Stats
	Kept []string // paths that exist, and were left as they are
}

// Restore puts the paths of a cache back that don't exist, or are empty folders: each as a
// whole or not at all.
func Restore(ctx context.Context, dirs Dirs, c *errand.Cache, entries []manifest.Entry, content manifest.Content, limits archive.Limits) (Restored, error) {
	var out Restored
	u := manifest.Unpacker{Limits: limits, Content: content, Now: time.Now()}
	for i, name := range c.Paths {
		own := entriesOf(entries, entryName(i))
		if len(own) == 0 {
			continue
		}
		st, err := restorePath(ctx, u, dirs, name, own)
		switch {
		case errors.Is(err, fs.ErrExist):
			out.Kept = append(out.Kept, name)
		case err != nil:
			return out, fmt.Errorf("%s: %w", name, err)
		}
		out.Files, out.Dirs, out.Bytes = out.Files+st.Files, out.Dirs+st.Dirs, out.Bytes+st.Bytes
	}
	return out, nil
}

// Existing returns the paths of a cache that Restore would leave as they are.
func Existing(dirs Dirs, c *errand.Cache) (all []string) {
	for _, p := range c.Paths {
		root, rel, err := dirs.open(p)
		if err != nil {
			continue
		}
		if !isFree(root, rel) {
			all = append(all, p)
		}
		_ = root.Close() // opened for reading
	}
	return all
}

// entriesOf returns the entries of one path of a cache.
func entriesOf(entries []manifest.Entry, name string) (own []manifest.Entry) {
	for _, e := range entries {
		if e.Path == name || strings.HasPrefix(e.Path, name+"/") {
			own = append(own, e)
		}
	}
	return own
}

// stagingPrefix begins the names of folders in which paths are made before they get their
// names.
const stagingPrefix = ".errand-cache-"

// restorePath makes a path beside its place, and then gives it its name. Errors:
// fs.ErrExist.
func restorePath(ctx context.Context, u manifest.Unpacker, dirs Dirs, name string, entries []manifest.Entry) (archive.Stats, error) {
	root, rel, err := dirs.open(name)
	if err != nil {
		return archive.Stats{}, err
	}
	defer func() { _ = root.Close() }() // opened for its name
	dir, base := splitPath(rel)
	if err := root.MkdirAll(dir, 0o755); err != nil {
		return archive.Stats{}, err
	}
	parent, err := root.OpenRoot(dir)
	if err != nil {
		return archive.Stats{}, err
	}
	defer func() { _ = parent.Close() }()
	if !isFree(parent, base) {
		return archive.Stats{}, fs.ErrExist
	}
	removeStale(parent, u.Now)
	staging := stagingPrefix + strings.ToLower(rand.Text()[:10])
	if err := parent.Mkdir(staging, 0o700); err != nil {
		return archive.Stats{}, err
	}
	defer func() { _ = removeAll(parent, staging) }()
	at, err := parent.OpenRoot(staging)
	if err != nil {
		return archive.Stats{}, err
	}
	st, err := u.UnpackInto(ctx, entries, at)
	if err = errors.Join(err, at.Close()); err != nil {
		return st, err
	}
	return st, place(parent, staging+"/"+entries[0].Path, base, &entries[0])
}

// staleAfter is the age of a folder that a process which was killed has left.
const staleAfter = 24 * time.Hour

func removeStale(parent *os.Root, now time.Time) {
	left, _ := fs.Glob(parent.FS(), stagingPrefix+"*")
	for _, name := range left {
		if info, err := parent.Lstat(name); err == nil && now.Sub(info.ModTime()) > staleAfter {
			_ = removeAll(parent, name) // or the next job does
		}
	}
}

// place gives a path its name. A folder must be writable for that.
func place(parent *os.Root, from, to string, e *manifest.Entry) error {
	mode := manifest.KeptMode(e.Mode | fs.ModeDir)
	if e.Kind == manifest.Dir {
		if err := parent.Chmod(from, mode|0o700); err != nil {
			return err
		}
	}
	if !isFree(parent, to) { // another job was faster
		return fs.ErrExist
	}
	_ = parent.Remove(to) // an empty folder: Windows renames over none
	if err := parent.Rename(from, to); err != nil {
		if !isFree(parent, to) {
			return fs.ErrExist
		}
		return err
	}
	if e.Kind == manifest.Dir && mode|0o700 != mode {
		return parent.Chmod(to, mode)
	}
	return nil
}

// isFree reports whether there is nothing, or an empty folder.
func isFree(parent *os.Root, name string) bool {
	info, err := parent.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil || !info.IsDir() {
		return false
	}
	dir, err := parent.Open(name)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(1)
	return len(names) == 0
}

// removeAll removes folders that aren't writable, too.
func removeAll(root *os.Root, name string) error {
	if err := root.RemoveAll(name); err == nil {
		return nil
	}
	_ = fs.WalkDir(root.FS(), name, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = root.Chmod(path, 0o700) // RemoveAll says what is wrong
		}
		return nil
	})
	return root.RemoveAll(name)
}
