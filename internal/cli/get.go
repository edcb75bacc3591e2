package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/fetch"
	"github.com/errandhq/errand/internal/project"
	"github.com/errandhq/errand/internal/terminal"
)

// getFlags say which files a job gives back, and which are fetched.
type getFlags struct {
	get       []string
	artifacts []string
	force     bool

	patterns []errand.Pattern         // of get
	sent     map[string]project.Entry // what was sent and they match
}

func (f *getFlags) addTo(body *api.CreateJob, detach bool) (err error) {
	if detach && len(f.get) > 0 {
		return terminal.WithHint(terminal.UsageErrorf("--get and --detach are mutually exclusive"), "use --artifact, and fetch the files later with errand artifacts get")
	}
	if f.force && len(f.get) == 0 {
		return terminal.UsageErrorf("--force requires --get: it replaces local files by those that --get fetches")
	}
	if f.patterns, err = parsePatterns("--get", f.get); err != nil {
		return err
	}
	more, err := parsePatterns("--artifact", f.artifacts)
	if err != nil {
		return err
	}
	for _, p := range append(f.patterns[:len(f.patterns):len(f.patterns)], more...) {
		body.Artifacts = append(body.Artifacts, errand.Artifact{Path: p.String()})
	}
	return nil
}

// noteSent remembers what was sent of what may be fetched.
func (f *getFlags) noteSent(files *project.Selection) {
	f.sent = map[string]project.Entry{}
	for _, e := range files.Entries {
		if e.Kind != project.Folder && matchesAny(f.patterns, e.Path) {
			f.sent[e.Path] = e
		}
	}
}

// getAfter fetches what --get names of a job that has ended. A job that was cancelled gave
// back nothing.
func (a *app) getAfter(ctx context.Context, c *api.Client, dir string, f *getFlags, job *api.Job) error {
	if len(f.patterns) == 0 || job.Status == errand.Cancelled {
		return nil
	}
	page, err := readArtifacts(ctx, c, job.ID, job.Attempt, f.patterns)
	if err != nil {
		return fmt.Errorf("list artifacts: %w", terminal.InterruptOr(ctx, err))
	}
	if page.Total != nil && page.Total.Error != "" {
		a.term.Notef("artifacts: %s", page.Total.Error)
	}
	o := fetchOptions{dir: dir, patterns: f.patterns, force: f.force, unchanged: f.unchanged}
	if len(page.Files) > 0 {
		err = a.fetch(ctx, c, o, &page)
	}
	return errors.Join(err, missingError(f.patterns, &page))
}

// missingError names the patterns that matched nothing.
func missingError(patterns []errand.Pattern, page *api.ArtifactPage) error {
	var missing []string
	for _, p := range patterns {
		found := false
		for i := range page.Files {
			found = found || p.Match(page.Files[i].Path)
		}
		if !found {
			missing = append(missing, p.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the job gave back no file that matches %s", quoteAll(missing))
}

// unchanged reports whether a local file is as it was when it was sent.
func (f *getFlags) unchanged(name string, info fs.FileInfo) (unchanged, sent bool) {
	e, sent := f.sent[name]
	return sent && e.IsUnchanged(info), sent
}

// fetchOptions say what is fetched where.
type fetchOptions struct {
	dir       string
	patterns  []errand.Pattern
	force     bool
	unchanged func(name string, info fs.FileInfo) (unchanged, sent bool)
}

// fetch fetches listed files, and tells what it did.
func (a *app) fetch(ctx context.Context, c *api.Client, o fetchOptions, page *api.ArtifactPage) error {
	files := make([]fetch.File, len(page.Files))
	for i, f := range page.Files {
		files[i] = fetch.File{ArtifactFile: f.ArtifactFile, Download: f.Download}
	}
	config := fetch.Config{Dir: o.dir, Patterns: o.patterns, Force: o.force, Unchanged: o.unchanged, HTTP: c.HTTP, Now: a.term.Now()}
	if cache, err := cacheDir(a.getenv); err == nil {
		if config.Record, err = fetch.OpenRecord(cache, o.dir); err != nil {
			return err
		}
	}
	shown := a.term.StartProgress("fetching", sizeOf(page))
	config.Progress = shown.Add
	report, err := fetch.Fetch(ctx, config, files)
	shown.End()
	if config.Record != nil && len(report.Fetched)+report.Same > 0 {
		if err := config.Record.Save(); err != nil {
			a.term.Notef("could not %v; the files can't be replaced without --force", err)
		}
	}
	a.tellFetched(o.dir, &report)
	return errors.Join(terminal.InterruptOr(ctx, err), keptError(&report), a.tellLeftOut(o.patterns, &report))
}

func sizeOf(page *api.ArtifactPage) (n int64) {
	for i := range page.Files {
		n += page.Files[i].Size
	}
	return n
}

// tellLeftOut notes what can't be made here. What the user has named is an error.
func (a *app) tellLeftOut(patterns []errand.Pattern, r *fetch.Report) error {
	const shown = 5
	var errs []error
	notes := 0
	for _, l := range r.LeftOut {
		text := terminal.FirstLine(l.Path, 200) + " is not fetched: it " + terminal.FirstLine(l.Why, 300)
		switch {
		case slices.ContainsFunc(patterns, func(p errand.Pattern) bool { return p.String() == l.Path }):
			errs = append(errs, errors.New(text))
		case notes < shown:
			a.term.Notef("%s", text)
			notes++
		}
	}
	if n := len(r.LeftOut) - len(errs) - notes; n > 0 {
		a.term.Notef("%s more not fetched for such reasons", count(n, "file"))
	}
	return errors.Join(errs...)
}

// shownFetched is how many files are named.
const shownFetched = 3

func (a *app) tellFetched(dir string, r *fetch.Report) {
	where := ""
	if dir != "." {
		where = " to " + terminal.FirstLine(dir, 200)
	}
	switch n := len(r.Fetched); {
	case n > 0:
		names := terminal.FirstLine(strings.Join(r.Fetched[:min(n, shownFetched)], ", "), 200)
		if n > shownFetched {
			names += ", …"
		}
		same := ""
		if r.Same > 0 {
			same = fmt.Sprintf("; %d unchanged", r.Same)
		}
		a.term.Notef("fetched %s (%s)%s: %s%s", count(n, "file"), terminal.FormatBytes(r.Bytes), where, names, same)
	case r.Same > 0:
		a.term.Notef("fetched nothing: %s unchanged", count(r.Same, "file"))
	}
}

// keptError names the local files that were not replaced.
func keptError(r *fetch.Report) error {
	if len(r.Kept) == 0 {
		return nil
	}
	const shown = 5
	var b strings.Builder
	fmt.Fprintf(&b, "%s not fetched:", count(len(r.Kept), "file"))
	for _, k := range r.Kept[:min(len(r.Kept), shown)] {
		fmt.Fprintf(&b, "\n  %s %s", terminal.FirstLine(k.Path, 200), k.Why)
	}
	if n := len(r.Kept) - shown; n > 0 {
		fmt.Fprintf(&b, "\n  and %d more", n)
	}
	return terminal.WithHint(errors.New(b.String()), "--force replaces local files")
}

// cacheDir is where errand keeps what may be deleted.
func cacheDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "errand"), nil
	}
	if dir := getenv("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "errand", "cache"), nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "errand"), nil
	}
	return "", errors.New("no cache directory: $HOME is not set")
}
