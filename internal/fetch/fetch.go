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
	Progress  func(more int64) // called with each number of bytes that came; nil: not called
}

// A Report says what was done.
type Report struct {
	Fetched []string // paths, in order
	Bytes   int64    // of Fetched
	Same    int      // files that were there with the same content
	Kept    []Kept   // local files that were not replaced
}

// Kept is a local file that was not replaced.
type Kept struct {
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
	files, err := c.choose(files)
	if err != nil {
		return Report{}, err
	}
	f := &fetcher{Config: c, root: root, folders: map[string]bool{}}
	f.all(ctx, files)
	slices.Sort(f.report.Fetched)
	slices.SortFunc(f.report.Kept, func(a, b Kept) int { return strings.Compare(a.Path, b.Path) })
	if ctx.Err() != nil {
		return f.report, context.Cause(ctx)
	}
	return f.report, errors.Join(f.errs...)
}

// choose returns the files that the patterns match, and fails if one of them must not be
// written: who sends such a list means harm.
func (c *Config) choose(files []File) ([]File, error) {
	var chosen []File
	kinds := map[string]bool{}
	for _, f := range files {
		if len(c.Patterns) > 0 && !slices.ContainsFunc(c.Patterns, func(p errand.Pattern) bool { return p.Match(f.Path) }) {
			continue
		}
		if err := checkPath(f.Path); err != nil {
			return nil, fmt.Errorf("refused artifact %.200q: %w", f.Path, err)
		}
		if f.Link != "" {
			if err := checkLink(f.Path, f.Link); err != nil {
				return nil, fmt.Errorf("refused artifact %.200q: %w", f.Path, err)
			}
		}
		if kinds[f.Path] {
			return nil, fmt.Errorf("refused artifact %.200q: it is listed twice", f.Path)
		}
		kinds[f.Path] = true
		chosen = append(chosen, f)
	}
	for _, f := range chosen {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if kinds[dir] {
				return nil, fmt.Errorf("refused artifact %.200q: %.200q above it is a file or a link", f.Path, dir)
			}
		}
	}
	return chosen, nil
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
	if filepath.Separator == '\\' && strings.ContainsAny(name, `\:`) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("this system can't store a file of that name")
	}
	for e := range strings.SplitSeq(name, "/") {
		if isGitDir(e) {
			return errors.New("nothing is written into a .git folder")
		}
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
// may lead up, so that links can't lead out of the folder by way of others.
func checkLink(name, target string) error {
	if strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\x00\\:") || filepath.IsAbs(target) {
		return fmt.Errorf("the symbolic link points to %.200q, outside of the folder", target)
	}
	depth, down := strings.Count(name, "/"), false
	for e := range strings.SplitSeq(target, "/") {
		switch {
		case e == "" || e == ".":
		case e == "..":
			if depth--; down || depth < 0 {
				return fmt.Errorf("the symbolic link points to %.200q, outside of the folder", target)
			}
		case isGitDir(e):
			return errors.New("the symbolic link points into a .git folder")
		default:
			down = true
		}
	}
	return nil
}

type fetcher struct {
	Config
	root *os.Root

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
	case errors.As(err, &kept):
		f.report.Kept = append(f.report.Kept, Kept{file.Path, kept.why})
		return
	default:
		f.errs = append(f.errs, fmt.Errorf("%.200q: %w", file.Path, withoutPath(err)))
		return
	}
	if f.Record != nil {
		f.Record.set(file.Path, file.mark())
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
