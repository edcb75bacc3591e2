package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// errGitPattern: patterns include no .git.
var errGitPattern = errors.New("patterns do not include .git; --git sends what git needs of it")

// asksForGit reports whether a pattern includes .git by name.
func (rs rules) asksForGit() bool {
	return slices.ContainsFunc(rs, func(r rule) bool {
		name := strings.TrimPrefix(r.pattern, "**/")
		return r.negate && (name == ".git" || strings.HasPrefix(name, ".git/"))
	})
}

// errNoTop: a .git in a folder below the top would make that folder the top.
func errNoTop(dir string) error {
	if top, ok := findTop(dir); ok {
		return fmt.Errorf("--git needs the top of the git work tree, which is %s", top)
	}
	return errors.New("--git needs a git work tree, and this folder is in none")
}

// gitCopy is what a job gets of a repository: enough for git describe, git log and git
// status. There are no hooks, no remotes and no credentials in it.
type gitCopy struct {
	path    string // in the selection
	walk    *walk
	entries []Entry
	known   map[string]bool
}

// addGit selects a .git folder for the work tree f, which may have its repository
// elsewhere: worktrees and submodules do.
func (w *walk) addGit(f *folder) error {
	gitDir, common := gitDirs(f.abs)
	c := &gitCopy{path: f.path + ".git", walk: w, known: map[string]bool{}}
	if err := errors.Join(c.own(gitDir), c.shared(common)); err != nil {
		return fmt.Errorf("%q: %w", c.path, err)
	}
	if !c.known[c.path+"/HEAD"] {
		return fmt.Errorf("%q is no git repository", c.path)
	}
	slices.SortFunc(c.entries, func(a, b Entry) int { // as a walk does
		return strings.Compare(strings.ReplaceAll(a.Path, "/", "\x00"), strings.ReplaceAll(b.Path, "/", "\x00"))
	})
	for _, e := range c.entries {
		w.add(e)
	}
	return nil
}

// own adds what belongs to one work tree.
func (c *gitCopy) own(dir string) error {
	root, err := c.open(dir)
	if err != nil {
		return err
	}
	info, err := root.Lstat(".")
	if err != nil {
		return err
	}
	c.add(newEntry(c.path, info, location{outside: dir}))
	shared, err := fs.Glob(root.FS(), "sharedindex.*")
	for _, name := range append(shared, "HEAD", "index") {
		err = errors.Join(err, c.file(root, name))
	}
	return err
}

// shared adds what all work trees of a repository share.
func (c *gitCopy) shared(dir string) error {
	root, err := c.open(dir)
	if err != nil {
		return err
	}
	for _, name := range []string{"packed-refs", "shallow", "info", "info/exclude"} {
		err = errors.Join(err, c.file(root, name))
	}
	c.config(root)
	for _, name := range []string{"refs", "reftable"} {
		err = errors.Join(err, c.tree(root, name, name))
	}
	return errors.Join(err, c.objects(root, "objects", filepath.Join(dir, "objects"), 0))
}

func (c *gitCopy) open(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err == nil {
		c.walk.out.roots = append(c.walk.out.roots, root)
	}
	return root, err
}

func (c *gitCopy) add(e Entry) {
	if !c.known[e.Path] {
		c.known[e.Path] = true
		c.entries = append(c.entries, e)
	}
}

// file adds a file or an empty folder, if it exists.
func (c *gitCopy) file(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && (info.Mode().IsRegular() || info.IsDir()) {
		c.add(newEntry(c.path+"/"+name, info, location{root: root, name: name}))
	}
	return err
}

// tree adds the files below the folder name as the folder to.
func (c *gitCopy) tree(root *os.Root, name, to string) error {
	err := fs.WalkDir(root.FS(), name, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		base := path.Base(at)
		if !d.IsDir() && !d.Type().IsRegular() || strings.HasPrefix(base, "tmp_") || strings.HasSuffix(base, ".lock") || strings.HasSuffix(base, "alternates") {
			return nil
		}
		info, err := root.Lstat(filepath.FromSlash(at))
		if err != nil {
			return err
		}
		c.add(newEntry(path.Join(c.path, to, strings.TrimPrefix(at, name)), info, location{root: root, name: at}))
		return c.walk.ctx.Err()
	})
	return err
}

// objects adds the objects of a repository, and of those that it borrows from.
func (c *gitCopy) objects(root *os.Root, name, abs string, depth int) error {
	if err := c.tree(root, name, "objects"); err != nil || depth > 5 { // git's limit
		return err
	}
	text, err := readIgnoreFile(filepath.Join(abs, "info", "alternates"), os.Lstat)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		other := absolute(abs, line)
		lender, err := c.open(other)
		if err != nil {
			return err
		}
		if err := c.objects(lender, ".", other, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// config adds a config with what says how the repository is stored, and nothing else.
func (c *gitCopy) config(root *os.Root) {
	text, _ := root.ReadFile("config") // without one, the defaults hold
	value := func(section, key string) string {
		v, _ := configValue(string(text), section, key)
		return v
	}
	out := "[core]\n\tbare = false\n"
	for _, key := range []string{"repositoryformatversion", "filemode", "symlinks", "ignorecase", "autocrlf", "eol"} {
		out += setting(key, value("core", key))
	}
	extensions := setting("objectformat", value("extensions", "objectformat")) + setting("refstorage", value("extensions", "refstorage"))
	if extensions != "" {
		out += "[extensions]\n" + extensions
	}
	c.add(Entry{Path: c.path + "/config", Kind: File, Mode: 0o644, Size: int64(len(out)), ModTime: c.entries[0].ModTime, content: []byte(out)})
}

// setting is a line of a config, if the value is a plain word.
func setting(key, value string) string {
	if value == "" || strings.Trim(strings.ToLower(value), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return fmt.Sprintf("\t%s = %s\n", key, value)
}
