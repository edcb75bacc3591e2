package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// link selects a symbolic link.
func (w *walk) link(f *folder, name string, e Entry) error {
	target, err := f.root.Readlink(name)
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	e.Target = filepath.ToSlash(target)
	if pointsOutside(e.Path, e.Target) {
		w.outside = append(w.outside, e)
	}
	w.add(e)
	return nil
}

// followed selects what a link points to.
func (w *walk) followed(f *folder, name string, e Entry, d decision) error {
	abs, err := filepath.EvalSymlinks(filepath.Join(f.abs, name))
	var info fs.FileInfo
	if err == nil {
		info, err = os.Lstat(abs)
	}
	switch {
	case err != nil:
		return w.keepLink(f, name, e, "points to nothing")
	case info.IsDir() && f.isIn(abs):
		return w.keepLink(f, name, e, "leads back to a folder that it is in")
	case info.IsDir():
		return w.enterLinked(f, abs, newEntry(e.Path, info, location{outside: abs}), d)
	case info.Mode().IsRegular():
		w.add(newEntry(e.Path, info, location{outside: abs}))
		return nil
	}
	return w.keepLink(f, name, e, "points to a socket, a pipe or a device")
}

func (w *walk) keepLink(f *folder, name string, e Entry, why string) error {
	w.note(e.Path, why+": it is sent as a link")
	target, err := f.root.Readlink(name)
	e.Target = filepath.ToSlash(target)
	w.add(e)
	return err
}

// isIn reports whether the folder abs is walked already.
func (f *folder) isIn(abs string) bool {
	for _, at := range append(f.jumps, f.abs) {
		if rel, err := filepath.Rel(abs, at); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// enterLinked walks a folder that a link in f points to: what git ignores there, its
// own work tree says.
func (w *walk) enterLinked(f *folder, abs string, e Entry, d decision) error {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	repo, _, err := w.openRepository(abs, e.Path+"/")
	if err != nil {
		return errors.Join(fmt.Errorf("%q: %w", e.Path, err), root.Close())
	}
	return w.walkInto(&folder{
		root: root, at: e.at, abs: abs, path: e.Path + "/", repo: repo, ignore: repo.rules, own: f.own,
		opened: d.opened, leftOut: d.leftOut, after: d.after, jumps: append(slices.Clip(f.jumps), f.abs),
	}, e)
}

// pointsOutside reads the text of a link: it may lead outside through other links, too.
func pointsOutside(path, target string) bool {
	if filepath.IsAbs(target) || strings.HasPrefix(target, "/") {
		return true
	}
	depth := strings.Count(path, "/")
	for e := range strings.SplitSeq(target, "/") {
		switch e {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return true
		}
	}
	return false
}

func (w *walk) noteLinks() {
	if len(w.outside) == 0 {
		return
	}
	e, more := w.outside[0], ""
	switch n := len(w.outside) - 1; n {
	case 0:
	case 1:
		more = ", as does 1 other link"
	default:
		more = fmt.Sprintf(", as do %d other links", n)
	}
	w.note(e.Path, fmt.Sprintf("points to %q, outside the folder%s: it is sent as a link (--follow-links sends what it points to)", shorten(e.Target), more))
}
