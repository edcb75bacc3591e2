package project

import (
	"fmt"
	"path/filepath"
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
	if n := len(w.outside) - 1; n > 0 {
		more = fmt.Sprintf(", as do %d other links", n)
	}
	w.note(e.Path, fmt.Sprintf("points to %q, outside the folder%s: it is sent as a link", shorten(e.Target), more))
}
