package manifest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/errandhq/errand/internal/archive"
)

// check checks everything that can be known before something is written.
func (u *Unpacker) check(entries []Entry) error {
	u.Limits = u.Limits.WithDefaults()
	if len(entries) > u.Limits.MaxFiles {
		return fmt.Errorf("the manifest has %d entries, the limit is %d: %w", len(entries), u.Limits.MaxFiles, archive.ErrTooLarge)
	}
	c := checker{limits: u.Limits, left: u.Limits.MaxBytes}
	for i := range entries {
		c.before = entries[:i]
		if err := c.entry(&entries[i]); err != nil {
			return &archive.EntryError{Name: entries[i].Path, Err: err}
		}
	}
	return nil
}

// checker checks entries in their order.
type checker struct {
	limits archive.Limits
	left   int64
	before []Entry // which are in order
	last   string
	dirs   []string // the directory of the last entry, and those above it
}

func (c *checker) entry(e *Entry) error {
	if err := c.path(e); err != nil {
		return err
	}
	switch e.Kind {
	case Dir:
		c.dirs = append(c.dirs, e.Path)
	case File:
		if e.Size > c.left {
			return fmt.Errorf("the files have more than %d bytes: %w", c.limits.MaxBytes, archive.ErrTooLarge)
		}
		c.left -= e.Size
	case Symlink:
		if e.Target == "" || strings.ContainsRune(e.Target, 0) {
			return errors.New("the symbolic link's target is empty or contains a NUL byte")
		}
	case HardLink:
		if i := find(c.before, e.Target); i < 0 || c.before[i].Kind != File {
			return fmt.Errorf("the hard link names %q, which is not a file before it: %w", e.Target, ErrUnsafe)
		}
	}
	return nil
}

// find returns the index of a path's entry in entries that are in order; -1 if there is none.
func find(entries []Entry, path string) int {
	first := 0
	if len(entries) > 0 && entries[0].Path == "." { // whatever its name is before
		first = 1
	}
	i, ok := slices.BinarySearchFunc(entries[first:], path, func(e Entry, p string) int { return Compare(e.Path, p) })
	if !ok {
		return -1
	}
	return first + i
}

// path checks an entry's path. Paths ascend, so none stands twice, and a directory stands
// before what is in it, so nothing is written through a link.
func (c *checker) path(e *Entry) error {
	if err := CheckPath(e.Path); err != nil {
		return err
	}
	if e.Path == "." {
		if c.last != "" || e.Kind != Dir {
			return errors.New("the folder itself must be the first entry, and a directory")
		}
		c.last = "."
		return nil
	}
	if c.last != "" && c.last != "." && Compare(c.last, e.Path) >= 0 {
		return errors.New("the manifest has the entry twice, or not in order")
	}
	c.last = e.Path
	if depth := strings.Count(e.Path, "/") + 1; depth > c.limits.MaxDepth {
		return fmt.Errorf("the path has %d elements, the limit is %d: %w", depth, c.limits.MaxDepth, archive.ErrTooLarge)
	}
	if err := archive.CheckStorable(e.Path); err != nil {
		return err
	}
	return c.parent(path.Dir(e.Path))
}

func (c *checker) parent(dir string) error {
	if dir == "." {
		c.dirs = c.dirs[:0]
		return nil
	}
	for len(c.dirs) > 0 {
		if c.dirs[len(c.dirs)-1] == dir {
			return nil
		}
		c.dirs = c.dirs[:len(c.dirs)-1]
	}
	return fmt.Errorf("%q above it is not a directory of the manifest: %w", dir, ErrUnsafe)
}
