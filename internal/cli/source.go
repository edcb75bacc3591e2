package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/source"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) sourceCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "source ID [PATTERN…]", SuggestFor: []string{"files", "folder", "inputs"},
		Short: "List the files that a job was sent",
		Long: "Source lists the files of the folder that a job was sent, or those that a pattern matches: mode, size,\n" +
			"time and path. It fetches the list, not the files.\n\n" +
			"In a pattern, * matches any characters of a name and ** any folders; a folder stands for all\n" +
			"files below it. To list a folder before it is sent, use errand run --dry-run.\n\n" + howToNameJobs,
		Example: "  errand source @last\n  errand source @last 'src/**'",
		Args:    jobIDAndMore,
		RunE: a.withJobFiles(func(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern) error {
			return a.listSource(ctx, c, id, patterns, asJSON)
		}),
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) listSource(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern, asJSON bool) error {
	entries, err := readSource(ctx, c, id)
	if err != nil {
		return terminal.InterruptOr(ctx, err)
	}
	if len(patterns) > 0 {
		entries = slices.DeleteFunc(entries, func(e manifest.Entry) bool { return !matchesAny(patterns, e.Path) })
	}
	if asJSON {
		return a.term.PrintJSON(sourceListing(entries))
	}
	if len(entries) == 0 && len(patterns) > 0 {
		a.term.Notef("no file that job %s was sent matches", id)
	}
	return a.term.PrintTable([]string{"MODE", "SIZE", "MODIFIED", "PATH"}, a.sourceRows(entries), "MODE", "MODIFIED")
}

func readSource(ctx context.Context, c *api.Client, id string) ([]manifest.Entry, error) {
	s, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.JobSource, error) { return c.Source(ctx, id) })
	if err != nil {
		return nil, err
	}
	if s.Source == nil {
		return nil, terminal.WithHint(fmt.Errorf("job %s was sent no folder", id), "errand job "+id+" shows its commands")
	}
	f := source.Fetcher{Wait: func(ctx context.Context, n int) error { return waitForRetry(ctx, n, 0) }}
	entries, err := f.List(ctx, s.Source)
	if errors.Is(err, source.ErrUnavailable) {
		return nil, terminal.WithHint(err, "the server may have removed it: uploads are kept for 32 days")
	}
	return entries, err
}

func (a *app) sourceRows(entries []manifest.Entry) [][]string {
	rows := make([][]string, len(entries))
	for i := range entries {
		e := &entries[i]
		size, name := "-", e.Path
		switch e.Kind {
		case manifest.File:
			size = strconv.FormatInt(e.Size, 10)
			if a.term.IsTTY() {
				size = terminal.FormatBytes(e.Size)
			}
		case manifest.Dir:
			name += "/"
		case manifest.Symlink, manifest.HardLink:
			if e.Target != "" {
				name += " -> " + e.Target
			}
		}
		rows[i] = []string{modeText(e), size, e.ModTime.UTC().Format(time.RFC3339), printable(name)}
	}
	return rows
}

// modeText is a mode as ls prints it.
func modeText(e *manifest.Entry) string {
	kind := map[manifest.Kind]string{manifest.Dir: "d", manifest.Symlink: "l"}[e.Kind]
	return cmp.Or(kind, "-") + e.Mode.Perm().String()[1:]
}

// sentFiles is errand source --json.
type sentFiles struct {
	Files   int         `json:"files"`
	Bytes   int64       `json:"bytes"`
	Entries []sentEntry `json:"entries"`
}

type sentEntry struct {
	listingEntry
	ModifiedAt time.Time `json:"modifiedAt"`
}

func sourceListing(entries []manifest.Entry) sentFiles {
	out := sentFiles{Entries: make([]sentEntry, len(entries))}
	kinds := map[manifest.Kind]string{manifest.File: "file", manifest.Dir: "folder", manifest.Symlink: "link", manifest.HardLink: "hardlink"}
	for i := range entries {
		e := &entries[i]
		if e.Kind != manifest.Dir {
			out.Files++
		}
		out.Bytes += e.Size
		out.Entries[i] = sentEntry{listingEntry{e.Path, kinds[e.Kind], fmt.Sprintf("%04o", e.Mode.Perm()), e.Size, e.Target}, e.ModTime.UTC()}
	}
	return out
}
