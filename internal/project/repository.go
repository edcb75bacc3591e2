package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// maxIgnoreFile limits the size of an ignore file, in bytes.
const maxIgnoreFile = 1 << 20

// A repository is the git work tree that a folder of the selection is in.
type repository struct {
	base   string // path in the selection of the folder that git was asked about: "" or with a trailing slash
	prefix string // from the top of the work tree to that folder
	rules  rules  // that hold at that folder

	asked   bool            // git listed the files
	listed  map[string]bool // relative to that folder
	folders map[string]bool // that have a listed file
}

// openRepository finds the work tree of the folder dir, an absolute path without
// links, and asks git for its files. base is the folder's path in the selection.
func (w *walk) openRepository(dir, base string) (r *repository, ignored bool, err error) {
	top, ok := findTop(dir)
	if !ok {
		return &repository{base: base}, false, nil
	}
	r = &repository{base: base, prefix: relativePath(top, dir)}
	if r.rules, err = rulesAbove(top, r.prefix); err != nil {
		return nil, false, err
	}
	if !w.options.withoutGit {
		if err := r.list(w.ctx, dir); err != nil {
			return nil, false, err
		}
	}
	if len(r.listed) == 0 && r.ignoresBase() {
		return &repository{base: base}, true, nil
	}
	return r, false, nil
}

// findTop returns the nearest folder from dir upwards that has a .git.
func findTop(dir string) (top string, ok bool) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at, true
		}
		if at == filepath.Dir(at) {
			return "", false
		}
	}
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

// rulesAbove reads the patterns that hold in the folder prefix of a work tree, without
// those of its own .gitignore.
func rulesAbove(top, prefix string) (rules, error) {
	rs, err := sharedRules(top)
	if err != nil {
		return nil, err
	}
	for i := range len(prefix) {
		if i > 0 && prefix[i-1] != '/' {
			continue
		}
		base := prefix[:i]
		text, err := readIgnoreFile(filepath.Join(top, filepath.FromSlash(base), ".gitignore"), os.Lstat)
		if err != nil {
			return nil, err
		}
		rs = append(rs, parseRules(text, base)...)
	}
	return rs, nil
}

// readIgnoreFile returns nothing if there is no regular file of this name. git does not
// read a .gitignore that is a link: stat is then os.Lstat.
func readIgnoreFile(name string, stat func(string) (fs.FileInfo, error)) ([]byte, error) {
	if info, err := stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, nil //nolint:nilerr // as git does
	}
	f, err := os.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readRules(f)
}

func readRules(f *os.File) ([]byte, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if err == nil && len(text) > maxIgnoreFile {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), maxIgnoreFile)
	}
	return text, err
}

// list asks git for the files of the folder. It lists nothing if there is no git, or
// git does not take the folder for a part of a work tree.
func (r *repository) list(ctx context.Context, dir string) error {
	out, err := listFiles(ctx, dir)
	if errors.Is(err, errNoGit) {
		return nil
	}
	if err != nil {
		return err
	}
	r.asked, r.listed, r.folders = true, map[string]bool{}, map[string]bool{}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		r.add(strings.TrimSuffix(string(name), "/")) // "nested/": another repository
	}
	return nil
}

func (r *repository) add(name string) {
	if name == "" {
		return
	}
	name = keyOf(name)
	r.listed[name] = true
	for i := strings.LastIndexByte(name, '/'); i > 0 && !r.folders[name[:i]]; i = strings.LastIndexByte(name[:i], '/') {
		r.folders[name[:i]] = true
	}
}

// keyOf returns the form in which a name that git lists and one that the system
// lists are the same.
func keyOf(name string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.ToLower(name)
	}
	return name
}

// ignoresBase reports whether git ignores the folder that it was asked about, or one
// above it.
func (r *repository) ignoresBase() bool {
	for i := range len(r.prefix) {
		if r.prefix[i] == '/' && r.rules.ignored(r.prefix[:i], true) {
			return true
		}
	}
	return false
}

// includes reports whether git would take the entry, whose folders it takes. rs are
// the patterns that hold in its folder. Where git ignores that folder, opened is true,
// and patterns decide what git did not list.
func (r *repository) includes(path string, isDir bool, rs rules, opened bool) bool {
	below := strings.TrimPrefix(path, r.base)
	if r.asked {
		if key := keyOf(below); r.listed[key] || isDir && r.folders[key] {
			return true
		}
		if !isDir && !opened {
			return false
		}
	}
	return !rs.ignored(r.prefix+below, isDir)
}

// addRules adds the patterns of a .gitignore in the folder path of the selection.
func (r *repository) addRules(rs rules, path string, text []byte) rules {
	return append(slices.Clip(rs), parseRules(text, r.prefix+strings.TrimPrefix(path, r.base))...)
}
