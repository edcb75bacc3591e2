package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/errandhq/errand/internal/project"
	"github.com/errandhq/errand/internal/terminal"
)

// selectFiles selects what the job gets of dir, tells what may surprise, and checks
// --max-size.
func (a *app) selectFiles(ctx context.Context, dir string, f *fileFlags) (*project.Selection, error) {
	files, err := f.choose(ctx, dir)
	if err != nil {
		return nil, terminal.InterruptOr(ctx, err)
	}
	for _, note := range files.Notes {
		a.term.Notef("%s", note)
	}
	if f.isTooLarge(files) {
		return nil, errors.Join(f.tooLarge(dir, files), files.Close())
	}
	f.noteSent(files)
	return files, nil
}

func (f *fileFlags) choose(ctx context.Context, dir string) (*project.Selection, error) {
	files, err := project.Select(ctx, dir, project.Options{Patterns: f.patterns, FollowLinks: f.followLinks, Git: f.git})
	if err == nil {
		return files, nil
	}
	err = fmt.Errorf("pack %s: %w", dir, err)
	var git *project.GitError
	if errors.As(err, &git) && git.Advice != "" {
		return nil, terminal.WithHint(err, git.Advice)
	}
	return nil, err
}

func (f *fileFlags) isTooLarge(files *project.Selection) bool {
	return f.maxSize > 0 && files.Bytes > int64(f.maxSize)
}

// tooLarge names what makes the folder large.
func (f *fileFlags) tooLarge(dir string, files *project.Selection) error {
	var parts []string
	for _, part := range files.Largest(3) {
		parts = append(parts, fmt.Sprintf("%s (%s)", part.Path, terminal.FormatBytes(part.Bytes)))
	}
	err := fmt.Errorf("pack %s: its files have %s, the limit is %s; the largest are %s",
		dir, terminal.FormatBytes(files.Bytes), terminal.FormatBytes(int64(f.maxSize)), strings.Join(parts, ", "))
	return terminal.WithHint(err, "leave files out with --exclude or .errandignore, or raise the limit with --max-size")
}

// dryRun lists what errand run would send.
func (a *app) dryRun(ctx context.Context, f runFlags, args []string, dash int) error {
	if dash >= 0 {
		args = args[:dash]
	}
	dir, err := f.folder(args)
	if err != nil {
		return err
	}
	if f.noSource {
		return terminal.UsageErrorf("--no-source and --dry-run are mutually exclusive")
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	files, err := f.choose(ctx, dir)
	if err != nil {
		return terminal.InterruptOr(ctx, err)
	}
	defer func() { _ = files.Close() }() // opened for reading
	if f.json {
		return a.term.PrintJSON(listingOf(files))
	}
	if err := a.printFiles(files); err != nil {
		return err
	}
	for _, note := range files.Notes {
		a.term.Notef("%s", note)
	}
	if f.isTooLarge(files) {
		return f.tooLarge(dir, files)
	}
	a.term.Notef("would send %s (%s)", count(files.Files, "file"), terminal.FormatBytes(files.Bytes))
	return nil
}

func (a *app) printFiles(files *project.Selection) error {
	var rows [][]string
	for i := range files.Entries {
		e := &files.Entries[i]
		size, name := strconv.FormatInt(e.Size, 10), e.Path
		if a.term.IsTTY() {
			size = terminal.FormatBytes(e.Size)
		}
		switch e.Kind {
		case project.File:
		case project.Folder:
			size, name = "-", name+"/"
		case project.Link:
			size, name = "-", name+" -> "+e.Target
		}
		rows = append(rows, []string{size, printable(name)})
	}
	return a.term.PrintTable([]string{"SIZE", "PATH"}, rows)
}

// printable quotes a name that would not be one line of a table.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// listing is errand run --dry-run --json.
type listing struct {
	Files   int            `json:"files"`
	Bytes   int64          `json:"bytes"`
	Entries []listingEntry `json:"entries"`
	Notes   []string       `json:"notes"`
}

type listingEntry struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Mode   string `json:"mode"`
	Size   int64  `json:"size,omitempty"`
	Target string `json:"target,omitempty"`
}

func listingOf(files *project.Selection) listing {
	out := listing{Files: files.Files, Bytes: files.Bytes, Entries: []listingEntry{}, Notes: []string{}}
	kinds := map[project.Kind]string{project.File: "file", project.Folder: "folder", project.Link: "link"}
	for i := range files.Entries {
		e := &files.Entries[i]
		out.Entries = append(out.Entries, listingEntry{e.Path, kinds[e.Kind], fmt.Sprintf("%04o", e.Mode.Perm()), e.Size, e.Target})
	}
	for _, note := range files.Notes {
		out.Notes = append(out.Notes, note.String())
	}
	return out
}
