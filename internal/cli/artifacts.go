package cli

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// artifactsFlags are those of errand artifacts and its commands.
type artifactsFlags struct {
	attempt int
	json    bool
	to      string
	force   bool
}

func (a *app) artifactsCommand() *cobra.Command {
	var f artifactsFlags
	cmd := &cobra.Command{
		Use: "artifacts ID [PATTERN…]", SuggestFor: []string{"artifact", "download", "outputs"},
		Short: "List and fetch the files that a job gave back",
		Long: "Artifacts lists the files that a job gave back, or those that a pattern matches.\n\n" +
			"In a pattern, * matches any characters of a name and ** any folders; a folder stands for all\n" +
			"files below it.\n\n" + howToNameJobs,
		Example: "  errand artifacts @last\n  errand artifacts get @last 'dist/**' --to /tmp/out",
		Args:    jobIDAndMore,
		RunE: a.withJobFiles(func(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern) error {
			return a.listArtifacts(ctx, c, id, patterns, f)
		}),
	}
	f.addListFlags(a, cmd)
	cmd.AddCommand(a.artifactsListCommand(), a.artifactsGetCommand())
	return cmd
}

func (f *artifactsFlags) addListFlags(a *app, cmd *cobra.Command) {
	a.addServerFlags(cmd)
	cmd.Flags().IntVar(&f.attempt, "attempt", 0, "list what attempt `N` gave back (default the latest)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (a *app) artifactsListCommand() *cobra.Command {
	var f artifactsFlags
	cmd := &cobra.Command{
		Use:   "list ID [PATTERN…]",
		Short: "List the files that a job gave back",
		Args:  jobIDAndMore,
		RunE: a.withJobFiles(func(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern) error {
			return a.listArtifacts(ctx, c, id, patterns, f)
		}),
	}
	f.addListFlags(a, cmd)
	return cmd
}

func (a *app) artifactsGetCommand() *cobra.Command {
	var f artifactsFlags
	cmd := &cobra.Command{
		Use:   "get ID [PATTERN…]",
		Short: "Fetch files that a job gave back",
		Long: "Get fetches the files that a job gave back, or those that a pattern matches, into the current folder\n" +
			"or --to. They keep their modes and times.\n\n" +
			"A local file is replaced only if it was fetched before and has not changed since, or with --force.",
		Args: jobIDAndMore,
		RunE: a.withJobFiles(func(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern) error {
			return a.getArtifacts(ctx, c, id, patterns, f)
		}),
	}
	a.addServerFlags(cmd)
	terminal.AddFlags(cmd, "Files", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.to, "to", ".", "put the files into this `folder`, which is made if necessary")
		fl.BoolVar(&f.force, "force", false, "replace local files, whatever they are")
		fl.IntVar(&f.attempt, "attempt", 0, "fetch what attempt `N` gave back (default the latest)")
	})
	return cmd
}

// jobIDAndMore is a cobra.PositionalArgs.
func jobIDAndMore(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return oneJobID(cmd, args)
}

// parsePatterns reads patterns of files that a user has typed.
func parsePatterns(flag string, texts []string) ([]errand.Pattern, error) {
	patterns := make([]errand.Pattern, len(texts))
	for i, text := range texts {
		if runtime.GOOS == "windows" {
			text = toSlash(text)
		}
		var err error
		if patterns[i], err = errand.ParsePattern(text); err != nil {
			return nil, terminal.UsageErrorf("%s: %v", flag, err)
		}
	}
	return patterns, nil
}

func toSlash(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c == '\\' {
			b[i] = '/'
		}
	}
	return string(b)
}

// withJobFiles is a RunE that calls do with the job, and the patterns of files, that the command's
// arguments name.
func (a *app) withJobFiles(do func(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		patterns, err := parsePatterns("PATTERN", args[1:])
		if err != nil {
			return err
		}
		ctx, stop := terminal.NotifyInterrupt(cmd.Context())
		defer stop()
		c, err := a.client()
		if err != nil {
			return err
		}
		id, err := findJobID(ctx, c, args[0])
		if err != nil {
			return err
		}
		return do(ctx, c, id, patterns)
	}
}

func (a *app) listArtifacts(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern, f artifactsFlags) error {
	page, err := readArtifacts(ctx, c, id, f.attempt, patterns)
	if err != nil {
		return err
	}
	if f.json {
		return a.term.PrintJSON(page)
	}
	if len(page.Files) == 0 {
		a.term.Notef("%s", noFilesText(&page))
		return nil
	}
	rows := make([][]string, len(page.Files))
	for i, f := range page.Files {
		size := terminal.FormatBytes(f.Size)
		if f.Link != "" {
			size = "-> " + terminal.FirstLine(f.Link, 60)
		}
		rows[i] = []string{terminal.FirstLine(f.Path, 200), size, f.ModifiedAt.UTC().Format(time.RFC3339), terminal.FirstLine(f.Name, 40)}
	}
	header := []string{"PATH", "SIZE", "MODIFIED", "NAME"}
	if !slices.ContainsFunc(page.Files, func(f api.ArtifactDownload) bool { return f.Name != "" }) {
		header = header[:3]
		for i := range rows {
			rows[i] = rows[i][:3]
		}
	}
	return a.term.PrintTable(header, rows)
}

// noFilesText says why there is nothing to list.
func noFilesText(page *api.ArtifactPage) string {
	switch {
	case !page.Status.Terminal() && page.Total == nil:
		return "job " + page.JobID + " is " + string(page.Status) + ": artifacts come when it has ended"
	case page.Total == nil:
		return "job " + page.JobID + " gave back no files: it had no --get, --artifact, or artifacts in errand.yaml"
	case page.Total.Error != "":
		return "job " + page.JobID + " gave back no files: " + page.Total.Error
	case page.Total.Files > 0 && page.Total.List != nil:
		return "no file that job " + page.JobID + " gave back matches, or they are no longer kept"
	}
	return "job " + page.JobID + " gave back no files: its patterns matched none"
}

// readArtifacts reads all artifacts of an attempt that a pattern matches; without
// patterns, all.
func readArtifacts(ctx context.Context, c *api.Client, id string, attempt int, patterns []errand.Pattern) (api.ArtifactPage, error) {
	asked, cursor := "", ""
	if len(patterns) == 1 { // of more, each would be a request
		asked = patterns[0].String()
	}
	var all api.ArtifactPage
	for {
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.ArtifactPage, error) {
			return c.Artifacts(ctx, id, attempt, asked, cursor)
		})
		if err != nil {
			return all, err
		}
		files := slices.Concat(all.Files, page.Files)
		all = page
		all.Files, all.Next = files, ""
		if cursor = page.Next; cursor == "" {
			break
		}
		attempt = page.Attempt // also if another begins meanwhile
	}
	if len(patterns) > 0 {
		all.Files = slices.DeleteFunc(all.Files, func(f api.ArtifactDownload) bool { return !matchesAny(patterns, f.Path) })
	}
	return all, nil
}

func matchesAny(patterns []errand.Pattern, path string) bool {
	return slices.ContainsFunc(patterns, func(p errand.Pattern) bool { return p.Match(path) })
}

func (a *app) getArtifacts(ctx context.Context, c *api.Client, id string, patterns []errand.Pattern, f artifactsFlags) error {
	page, err := readArtifacts(ctx, c, id, f.attempt, patterns)
	if err != nil {
		return err
	}
	if len(page.Files) == 0 {
		return errors.New(noFilesText(&page))
	}
	if err := os.MkdirAll(f.to, 0o777); err != nil {
		return err
	}
	return a.fetch(ctx, c, fetchOptions{dir: f.to, patterns: patterns, force: f.force}, &page)
}
