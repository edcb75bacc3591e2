package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what a selection has beside what git takes.
type Options struct {
	// Patterns leave files out as lines of a .gitignore do, or with "!" include
	// them, also in folders that are left out. The last that matches decides.
	Patterns []string
	// FollowLinks selects what links point to.
	FollowLinks bool
	// Git selects what git needs of .git, of submodules, too.
	Git bool

	withoutGit bool // as if git were not installed
}

// MaxDepth is the limit for the elements of a path.
const MaxDepth = 255

// maxEntries ends a walk through links that multiply what they point to.
const maxEntries = 1_000_000

// Select selects the files of the folder dir: in a git work tree those that git lists,
// elsewhere those that no .gitignore names, and of them those that no .errandignore
// names.
func Select(ctx context.Context, dir string, o Options) (*Selection, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	w := &walk{ctx: ctx, command: parseRules([]byte(strings.Join(o.Patterns, "\n")), ""), options: o, out: &Selection{roots: []*os.Root{root}}}
	w.searches = slices.ContainsFunc(w.command, func(r rule) bool { return r.negate })
	if w.command.asksForGit() && !o.Git {
		return nil, errors.Join(errGitPattern, root.Close())
	}
	if err := w.top(root, dir); err != nil {
		return nil, errors.Join(err, w.out.Close())
	}
	w.noteLinks()
	return w.out, nil
}

type walk struct {
	ctx      context.Context
	command  rules // Options.Patterns
	searches bool  // folders that are left out are searched
	options  Options
	out      *Selection
	pending  []Entry // folders that are left out unless something in them is included
	outside  []Entry // links
}

// folder is a folder that is being walked.
type folder struct {
	root *os.Root // open while it is walked
	at   location
	abs  string
	path string // in the selection: "" or with a trailing slash

	repo    *repository
	ignore  rules // of git
	own     rules // of .errandignore
	opened  bool  // git ignores the folder, but another pattern includes it
	leftOut bool  // only what w.command includes after this rule counts
	after   int
	jumps   []string // absolute paths of the folders above that have a link that is followed
}

func (w *walk) top(root *os.Root, dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		abs = resolved
	}
	if _, err := root.Lstat(".git"); err != nil && w.options.Git {
		return errNoTop(abs)
	}
	w.out.folder, w.out.listed = abs, time.Now()
	repo, ignored, err := w.openRepository(abs, "")
	if err != nil {
		return err
	}
	if ignored {
		w.note(".", "is ignored by git: everything in it is sent")
	}
	err = w.folder(&folder{root: root, at: location{root: root, name: "."}, abs: abs, repo: repo, ignore: repo.rules, after: -1})
	if _, inGit := findTop(abs); err == nil && !inGit {
		w.noteUsual()
	}
	return err
}

func (w *walk) note(path, text string) { w.out.Notes = append(w.out.Notes, Note{path, text}) }

// folder walks an open folder.
func (w *walk) folder(f *folder) error {
	entries, err := readDir(f.root)
	if err != nil {
		return err
	}
	w.noteSubmodule(f, len(entries))
	for _, e := range entries {
		if err := f.readRules(w, e.Name()); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if e.Name() == ".git" {
			if err := w.gitFolder(f); err != nil {
				return err
			}
			continue
		}
		if err := w.child(f, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) gitFolder(f *folder) error {
	if !w.options.Git || f.leftOut {
		return nil
	}
	return w.addGit(f)
}

func readDir(root *os.Root) ([]fs.DirEntry, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return lstatAll(root, names)
}

// The entries of a directory are looked at by some goroutines, a batch at a time.
const (
	lstatters  = 4
	lstatBatch = 128
)

// lstatAll describes the entries of a directory, without those that are gone.
func lstatAll(root *os.Root, names []string) ([]fs.DirEntry, error) {
	all, errs := make([]fs.DirEntry, len(names)), make([]error, lstatters)
	var next atomic.Int64
	look := func(worker int) {
		for errs[worker] == nil {
			end := int(next.Add(lstatBatch))
			if end-lstatBatch >= len(names) {
				return
			}
			errs[worker] = lstatSome(root, names[:min(end, len(names))], all, end-lstatBatch)
		}
	}
	var work sync.WaitGroup
	for worker := 1; worker < min(lstatters, (len(names)-1)/lstatBatch+1); worker++ {
		work.Go(func() { look(worker) })
	}
	look(0)
	work.Wait()
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e == nil }), errors.Join(errs...)
}

// lstatSome describes the entries from an index on.
func lstatSome(root *os.Root, names []string, all []fs.DirEntry, from int) error {
	for i := from; i < len(names); i++ {
		info, err := root.Lstat(names[i])
		if err == nil {
			all[i] = fs.FileInfoToDirEntry(info)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q: %w", names[i], err)
		}
	}
	return nil
}

// readRules adds the patterns of the folder's ignore file name, if it is one.
func (f *folder) readRules(w *walk, name string) error {
	if name != ".gitignore" && name != ".errandignore" {
		return nil
	}
	info, err := f.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		if name == ".gitignore" {
			w.note(f.path+name, "is not a regular file: its patterns don't count, as with git")
			return nil
		}
		return fmt.Errorf("%q must be a regular file", f.path+name)
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return err
	}
	text, err := readRules(file)
	if name == ".gitignore" {
		f.ignore = f.repo.addRules(f.ignore, f.path, text)
	} else {
		f.own = append(slices.Clip(f.own), parseRules(text, f.path)...)
	}
	if err == nil && f.own.asksForGit() && !w.options.Git {
		return fmt.Errorf("%q: %w", f.path+name, errGitPattern)
	}
	return err
}

// decision is what happens with an entry.
type decision struct {
	leftOut bool
	after   int  // of an entry that is left out: the rule of w.command, or -1
	opened  bool // of a folder: see folder
}

func (w *walk) decide(f *folder, path string, isDir bool) decision {
	if i := w.command.last(path, isDir); i > f.after {
		if !w.command[i].negate {
			return decision{leftOut: true, after: i}
		}
		return w.include(f, path, isDir)
	}
	if f.leftOut {
		return decision{leftOut: true, after: f.after}
	}
	if i := f.own.last(path, isDir); i >= 0 {
		if !f.own[i].negate {
			return decision{leftOut: true, after: -1}
		}
		return w.include(f, path, isDir)
	}
	if !f.repo.includes(path, isDir, f.ignore, f.opened) {
		return decision{leftOut: true, after: -1}
	}
	return decision{after: -1, opened: f.opened}
}

// include is the decision for an entry that a pattern includes, whatever git says.
func (w *walk) include(f *folder, path string, isDir bool) decision {
	opened := f.opened || f.leftOut || isDir && !f.repo.includes(path, isDir, f.ignore, f.opened)
	return decision{after: -1, opened: opened}
}

func (w *walk) child(f *folder, entry fs.DirEntry) error {
	name, isDir := entry.Name(), entry.IsDir()
	path := f.path + name
	d := w.decide(f, path, isDir)
	if d.leftOut && !(isDir && w.searches) { // a link to a folder is none
		return nil
	}
	info, err := entry.Info() // of when the folder was read
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	e := newEntry(path, info, f.at.below(name))
	switch info.Mode().Type() {
	case fs.ModeDir:
		return w.enter(f, name, e, d)
	case fs.ModeSymlink:
		if w.options.FollowLinks {
			return w.followed(f, name, e, d)
		}
		return w.link(f, name, e)
	case 0:
		w.add(e)
	default:
		w.note(path, "is left out: it is a socket, a pipe or a device")
	}
	return nil
}

func newEntry(path string, info fs.FileInfo, at location) Entry {
	e := Entry{Path: path, Kind: File, Mode: modeBits(info.Mode()), ModTime: info.ModTime(), at: at}
	e.ID, e.Links = identify(info)
	switch info.Mode().Type() {
	case fs.ModeDir:
		e.Kind = Folder
	case fs.ModeSymlink:
		e.Kind = Link
	default:
		e.Size = info.Size()
	}
	return e
}

// add selects an entry, and the folders above it that are selected only for it.
func (w *walk) add(e Entry) {
	if n := len(w.out.Entries); n == cap(w.out.Entries) { // append alone copies them more often
		w.out.Entries = slices.Grow(w.out.Entries, n+1)
	}
	w.out.Entries = append(append(w.out.Entries, w.pending...), e)
	w.pending = w.pending[:0]
	if e.Kind != Folder {
		w.out.Files++
		w.out.Bytes += e.Size
	}
}

// enter walks a folder below f.
func (w *walk) enter(f *folder, name string, e Entry, d decision) error {
	root, err := f.root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	sub := *f
	sub.root, sub.at, sub.abs, sub.path = root, e.at, filepath.Join(f.abs, name), e.Path+"/"
	sub.opened, sub.leftOut, sub.after = d.opened, d.leftOut, d.after
	return w.walkInto(&sub, e)
}

// walkInto selects the folder e, or only what is included in it, and closes sub.
func (w *walk) walkInto(sub *folder, e Entry) error {
	defer func() { _ = sub.root.Close() }() // opened for reading
	if strings.Count(e.Path, "/") >= MaxDepth {
		return fmt.Errorf("%q: the path has more than %d elements; leave it out with .errandignore", shorten(e.Path), MaxDepth)
	}
	if len(w.out.Entries) > maxEntries {
		return fmt.Errorf("there are more than %d files and folders; list what the job doesn't need in .errandignore", maxEntries)
	}
	if sub.leftOut {
		kept := len(w.pending)
		w.pending = append(w.pending, e)
		defer func() { w.pending = w.pending[:min(kept, len(w.pending))] }()
	} else {
		w.add(e)
	}
	if err := sub.ownRepository(w); err != nil {
		return err
	}
	return w.folder(sub)
}

// ownRepository asks git about a folder that has a repository of its own: a submodule,
// or one that only lies there.
func (f *folder) ownRepository(w *walk) error {
	if _, err := f.root.Lstat(".git"); err != nil || f.leftOut || f.opened {
		return nil //nolint:nilerr // there is none
	}
	repo, _, err := w.openRepository(f.abs, f.path)
	if err != nil {
		return fmt.Errorf("%q: %w", f.path, err)
	}
	f.repo, f.ignore = repo, repo.rules
	return nil
}

// noteSubmodule tells of a submodule that has no work tree.
func (w *walk) noteSubmodule(f *folder, entries int) {
	path := strings.TrimSuffix(f.path, "/")
	if entries == 0 && f.repo.asked && f.repo.listed[keyOf(strings.TrimPrefix(path, f.repo.base))] {
		w.note(path, "is empty: git has a submodule there (git submodule update --init fetches it)")
	}
}

// shorten leaves out the middle of a long name, so that a message can be read.
func shorten(name string) string {
	const begin, end = 80, 40
	if r := []rune(name); len(r) > begin+end {
		return string(r[:begin]) + "…" + string(r[len(r)-end:])
	}
	return name
}
