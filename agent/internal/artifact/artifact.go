// Package artifact collects the files that a job gives back from the folder in which its
// commands ran. The commands may have left anything there: links are not followed, and
// nothing that isn't a file is opened.
package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/meter"
)

// Found is what a folder has of what a job gives back.
type Found struct {
	List errand.ArtifactList
	// Sums has no List yet.
	Sums  errand.Artifacts
	Tests *errand.TestReport // nil: no file is a report
	Notes []string           // for the job's log
}

// Collect finds and hashes the files below dir that the artifacts name. What can't be read
// is left out and noted. It fails, with nothing found, if there is more than the limits
// allow, or ctx ends. m counts what is read; nil: nobody asks.
func Collect(ctx context.Context, dir string, wanted []errand.Artifact, m *meter.Meter) (*Found, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the job's folder: %w", err)
	}
	defer func() { _ = root.Close() }() // opened for reading
	c := &collector{ctx: ctx, meter: m, root: root, wanted: make([]want, len(wanted)), found: &Found{}}
	for i, a := range wanted {
		p, err := errand.ParsePattern(a.Path)
		if err != nil {
			return nil, err
		}
		c.wanted[i] = want{Artifact: a, pattern: p}
	}
	if err := c.dir("."); err != nil {
		return nil, err
	}
	slices.SortFunc(c.found.List.Files, func(a, b errand.ArtifactFile) int { return strings.Compare(a.Path, b.Path) })
	for _, w := range c.wanted {
		if !w.matched && !w.Optional {
			c.found.Sums.Missing = append(c.found.Sums.Missing, w.Path)
		}
	}
	return c.found, nil
}

type want struct {
	errand.Artifact
	pattern errand.Pattern
	matched bool
}

type collector struct {
	ctx    context.Context
	meter  *meter.Meter
	root   *os.Root
	wanted []want
	found  *Found
}

// dir collects what is wanted of the directory.
func (c *collector) dir(name string) error {
	f, err := c.root.Open(name)
	if err != nil {
		c.leaveOut(name, err)
		return nil
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		c.leaveOut(name, err)
	}
	for _, e := range entries {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		at := path.Join(name, e.Name())
		switch {
		case e.Name() == ".git":
		case e.IsDir() && c.mayMatchBelow(at):
			if strings.Count(at, "/") >= errand.MaxArtifactDepth-1 {
				c.leaveOut(at, fmt.Errorf("it is more than %d folders deep", errand.MaxArtifactDepth-1))
				continue
			}
			err = c.dir(at)
		case !e.IsDir():
			err = c.entry(at, e.Type())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) mayMatchBelow(dir string) bool {
	return slices.ContainsFunc(c.wanted, func(w want) bool { return w.pattern.MayMatchBelow(dir) })
}

// entry collects what isn't a directory, if it is wanted.
func (c *collector) entry(name string, mode fs.FileMode) error {
	first := -1
	for i := range c.wanted {
		if w := &c.wanted[i]; w.pattern.Match(name) {
			w.matched = true
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return nil
	}
	if len(c.found.List.Files) == errand.MaxArtifacts {
		return fmt.Errorf("there are more than %d artifacts; pack them into an archive, or name fewer", errand.MaxArtifacts)
	}
	file := errand.ArtifactFile{Path: name, Name: c.wanted[first].Name}
	var err error
	switch {
	case mode&fs.ModeSymlink != 0:
		err = c.link(&file)
	case mode.IsRegular():
		err = c.file(&file)
	default:
		err = errors.New("it is neither a file nor a symbolic link")
	}
	var limit *limitError
	switch {
	case errors.As(err, &limit), c.ctx.Err() != nil:
		return err
	case err != nil:
		c.leaveOut(name, err)
		return nil
	}
	c.found.List.Files = append(c.found.List.Files, file)
	c.found.Sums.Files++
	c.found.Sums.Bytes += file.Size
	return nil
}

// limitError: there is more than may be given back.
type limitError struct{ error }

// maxNotes limits how many files are named that were left out.
const maxNotes = 5

func (c *collector) leaveOut(name string, err error) {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	err = fmt.Errorf("%.200q is left out: %w", name, err)
	if c.found.Sums.Error == "" {
		c.found.Sums.Fail(err)
	}
	if len(c.found.Notes) < maxNotes {
		c.found.Notes = append(c.found.Notes, err.Error())
	}
}

// link keeps a link whose target is in the folder, or dangles there.
func (c *collector) link(file *errand.ArtifactFile) error {
	info, err := c.root.Lstat(file.Path)
	if err != nil {
		return err
	}
	target, err := c.root.Readlink(file.Path)
	if err != nil {
		return err
	}
	target = filepath.ToSlash(target) // of Windows
	if filepath.IsAbs(target) || strings.HasPrefix(target, "/") || len(target) > errand.MaxFilePathBytes {
		return fmt.Errorf("the symbolic link to %.200q leads out of the job's folder", target)
	}
	up := 0 // only at the beginning, where what is above is known to be a folder
	for rest := target; strings.HasPrefix(rest+"/", "../"); rest = strings.TrimPrefix(rest[2:], "/") {
		up++
	}
	if up > strings.Count(file.Path, "/") || strings.Contains(target[min(3*up, len(target)):]+"/", "../") {
		return fmt.Errorf("the symbolic link to %.200q may lead out of the job's folder", target)
	}
	file.Link, file.Mode, file.ModifiedAt = target, "0777", info.ModTime()
	return nil
}

func (c *collector) file(file *errand.ArtifactFile) error {
	f, err := c.root.OpenFile(file.Path, os.O_RDONLY|NonBlocking, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("the file was replaced while it was collected")
	}
	switch size := info.Size(); {
	case size > errand.MaxArtifactBytes:
		return &limitError{fmt.Errorf("%.200q has %d bytes; the limit of an artifact is %d", file.Path, size, int64(errand.MaxArtifactBytes))}
	case c.found.Sums.Bytes+size > errand.MaxArtifactsBytes:
		return &limitError{fmt.Errorf("the artifacts have more than %d bytes in all", int64(errand.MaxArtifactsBytes))}
	}
	file.Mode, file.ModifiedAt = fmt.Sprintf("%04o", info.Mode().Perm()), info.ModTime()
	return c.read(file, f, info.Size())
}

// read hashes a file of up to size bytes, and reads it if it is a report of tests.
func (c *collector) read(file *errand.ArtifactFile, f io.Reader, size int64) error {
	sum := sha256.New()
	var report bytes.Buffer
	to := io.Writer(sum)
	isReport := strings.HasSuffix(file.Path, ".xml") && size <= errand.MaxTestReportBytes
	if isReport {
		to = io.MultiWriter(sum, &report)
	}
	n, err := io.Copy(to, &contextReader{c.ctx, io.LimitReader(f, size), c.meter})
	if err != nil {
		return err
	}
	file.Size, file.SHA256 = n, hex.EncodeToString(sum.Sum(nil))
	if isReport {
		c.addReport(file.Path, &report)
	}
	return nil
}

// addReport adds what a JUnit file says.
func (c *collector) addReport(name string, r io.Reader) {
	report, err := readJUnit(name, r)
	if report == nil {
		return
	}
	if err != nil && len(c.found.Notes) < maxNotes {
		c.found.Notes = append(c.found.Notes, fmt.Sprintf("could not read all of %.200q as a report of tests: %v", name, err))
	}
	if c.found.Tests == nil {
		c.found.Tests = &errand.TestReport{}
	}
	all := c.found.Tests
	all.Tests += report.Tests
	all.Failed += report.Failed
	all.Skipped += report.Skipped
	all.Failing = append(all.Failing, report.Failing[:min(len(report.Failing), errand.MaxFailedTests-len(all.Failing))]...)
}

// contextReader fails when its context has ended, and counts what is read.
type contextReader struct {
	ctx   context.Context
	r     io.Reader
	meter *meter.Meter
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(b)
	c.meter.Add(int64(n))
	return n, err
}
