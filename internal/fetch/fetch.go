// Package fetch puts the files that a job gave back into a user's folder. It trusts neither
// the worker that wrote their list, nor the storage: nothing is written outside of the
// folder, below a .git, through a symbolic link, or over what the user may not want to lose.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// A File is a file or a symbolic link of an attempt.
type File struct {
	errand.ArtifactFile
	Download *errand.SignedRequest // nil for a link
}

// Config says what is put where.
type Config struct {
	Dir      string           // that exists
	Root     *os.Root         // the same, if it is open; nil: Dir
	Patterns []errand.Pattern // only what one of these matches; none: all
	Force    bool             // replace any file
	// Unchanged reports whether the local file is as it was when it was sent to the job.
	// The second result is false if it wasn't sent. Nil: nothing was sent.
	Unchanged func(name string, info fs.FileInfo) (unchanged, sent bool)
	Record    *Record // of what was fetched; nil: nothing was
	HTTP      *http.Client
	Now       time.Time        // no file gets a later time
	Progress  func(more int64) // called with each number of bytes that came, or needn't; nil: not called
}

// A Report says what was done.
type Report struct {
	Fetched []string     // paths, in order
	Bytes   int64        // of Fetched
	Same    int          // files that were there with the same content
	Kept    []NotFetched // whose local files were not replaced
	LeftOut []NotFetched // that can't be made here safely
}

// NotFetched is a file or a link that was not fetched.
type NotFetched struct {
	Path string
	Why  string
}

// parallel is how many files are fetched at a time.
const parallel = 8

// Fetch fetches the files that the patterns match. It goes on after a file that can't be
// fetched; its error joins theirs. What the Record has is kept up to date.
func Fetch(ctx context.Context, c Config, files []File) (Report, error) {
	root := c.Root
	if root == nil {
		var err error
		if root, err = os.OpenRoot(c.Dir); err != nil {
			return Report{}, err
		}
		defer func() { _ = root.Close() }() // files are closed by then
	}
	files, leftOut, err := c.choose(files)
	if err != nil {
		return Report{}, err
	}
	f := &fetcher{Config: c, root: root, folders: map[string]bool{}, report: Report{LeftOut: leftOut}}
	if c.Record != nil {
		RemoveLeft(c.Record.cache)
		if f.journal, err = openJournal(filepath.Dir(c.Record.path), c.Record.Dir); err == nil { // else a process that is killed leaves files
			defer f.journal.end()
		}
	}
	f.all(ctx, files)
	slices.Sort(f.report.Fetched)
	slices.SortFunc(f.report.Kept, func(a, b NotFetched) int { return strings.Compare(a.Path, b.Path) })
	if ctx.Err() != nil {
		return f.report, context.Cause(ctx)
	}
	return f.report, errors.Join(f.errs...)
}

// choose returns the files that the patterns match, without those that an honest worker
// may send and that can't be made here safely. It fails if one of them is of a list that
// no honest worker sends.
func (c *Config) choose(files []File) (chosen []File, leftOut []NotFetched, err error) {
	listed := map[string]bool{}
	for _, f := range files {
		if len(c.Patterns) > 0 && !slices.ContainsFunc(c.Patterns, func(p errand.Pattern) bool { return p.Match(f.Path) }) {
			continue
		}
		err := f.check()
		if listed[f.Path] {
			err = errors.New("it is listed twice")
		}
		listed[f.Path] = true
		var unsafe *leftOutError
		switch {
		case errors.As(err, &unsafe):
			leftOut = append(leftOut, NotFetched{f.Path, unsafe.why})
		case err != nil:
			return nil, nil, fmt.Errorf("refused artifact %.200q: %w", f.Path, err)
		default:
			chosen = append(chosen, f)
		}
	}
	return chosen, leftOut, checkNesting(listed)
}

// checkNesting fails if a path leads through another one: all are files or links.
func checkNesting(listed map[string]bool) error {
	for name := range listed {
		for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if listed[dir] {
				return fmt.Errorf("refused artifact %.200q: %.200q above it is a file or a link", name, dir)
			}
		}
	}
	return nil
}

// leftOutError: an honest worker may send the entry, and it can't be made here safely.
type leftOutError struct{ why string }

func (e *leftOutError) Error() string { return e.why }

func (f *File) check() error {
	err := checkPath(f.Path)
	if err == nil && f.Link != "" {
		err = checkLink(f.Path, f.Link)
	}
	return err
}

// CheckFolder checks that a folder's path, with slashes, stays below another, and away from
// git's own files.
func CheckFolder(name string) error {
	if name == "." {
		return nil
	}
	return checkPath(name)
}

// checkPath checks that a path stays in the folder, and away from git's own files.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) || len(name) > errand.MaxFilePathBytes ||
		strings.Count(name, "/") >= errand.MaxArtifactDepth {
		return errors.New("it is no path in the folder")
	}
	for e := range strings.SplitSeq(name, "/") {
		if isGitDir(e) {
			return errors.New("nothing is written into a .git folder")
		}
	}
	if filepath.Separator == '\\' && strings.ContainsAny(name, `\:`) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return &leftOutError{"is a name that this system can't store"}
	}
	return nil
}

// isGitDir reports whether some file system takes the name for ".git": without regard to
// case, to dots and spaces at the end, to the name of a stream, and, on HFS+, to characters
// that are not shown.
//
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-coreprotectNTFS
func isGitDir(name string) bool {
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, ". ")
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

// checkLink checks that a link's target is in the folder. Only the beginning of a target
// may lead up, so that links can't lead out of the folder by way of others. A target that
// means something else on another system, or git's own files, is a leftOutError.
func checkLink(name, target string) error {
	if strings.HasPrefix(target, "/") || strings.ContainsRune(target, 0) {
		return fmt.Errorf("the symbolic link points to %.200q, outside of the folder", target)
	}
	depth, down, git := strings.Count(name, "/"), false, false
	for e := range strings.SplitSeq(target, "/") {
		switch e {
		case "", ".":
		case "..":
			if depth--; down || depth < 0 {
				return fmt.Errorf("the symbolic link points to %.200q, outside of the folder", target)
			}
		default:
			down, git = true, git || isGitDir(e)
		}
	}
	switch {
	case git:
		return &leftOutError{fmt.Sprintf("is a symbolic link to %.200q, which may be git's own", target)}
	case strings.ContainsAny(target, `\:`):
		return &leftOutError{fmt.Sprintf("is a symbolic link to %.200q, which leads out of the folder on some systems", target)}
	}
	return nil
}

type fetcher struct {
	Config
	root    *os.Root
	journal *journal // nil: none

	dirs    sync.Mutex      // held while folders are made
	folders map[string]bool // those that are folders, and not links

	mu     sync.Mutex
	report Report
	errs   []error
}

// all fetches files, some at a time, and then makes the links, so that no file is written
// through one.
func (f *fetcher) all(ctx context.Context, files []File) {
	var links []File
	next := make(chan File)
	var running sync.WaitGroup
	for range min(parallel, len(files)) {
		running.Go(func() {
			for file := range next {
				f.note(file, f.file(ctx, file))
			}
		})
	}
	for _, file := range files {
		if file.Link != "" {
			links = append(links, file)
			continue
		}
		if ctx.Err() == nil {
			next <- file
		}
	}
	close(next)
	running.Wait()
	for _, file := range links {
		if ctx.Err() == nil {
			f.note(file, f.link(file))
		}
	}
}

// keptError: the local file is not replaced.
type keptError struct{ why string }

func (e *keptError) Error() string { return e.why }

// errSame: the local file has the same content.
var errSame = errors.New("the same")

func (f *fetcher) note(file File, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kept *keptError
	switch {
	case err == nil:
		f.report.Fetched = append(f.report.Fetched, file.Path)
		f.report.Bytes += file.Size
	case errors.Is(err, errSame):
		f.report.Same++
		f.progress(file.Size)
	case errors.As(err, &kept):
		f.report.Kept = append(f.report.Kept, NotFetched{file.Path, kept.why})
		f.progress(file.Size)
		return
	default:
		f.errs = append(f.errs, fmt.Errorf("%.200q: %w", file.Path, withoutPath(err)))
		return
	}
	if f.Record != nil {
		f.Record.set(file.Path, file.mark())
	}
}

func (f *fetcher) progress(more int64) {
	if f.Progress != nil {
		f.Progress(more)
	}
}

// mark is what the record keeps of a file that was fetched.
func (f *File) mark() string {
	if f.Link != "" {
		return "link:" + f.Link
	}
	return f.SHA256
}

// withoutPath leaves out the path of a temporary file.
func withoutPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
