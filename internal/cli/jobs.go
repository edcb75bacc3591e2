package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

type jobsFlags struct {
	status, queue, cursor string
	limit                 int
	all, json             bool
}

func (a *app) jobsCommand() *cobra.Command {
	var f jobsFlags
	cmd := &cobra.Command{
		Use: "jobs", Aliases: []string{"ps", "ls"}, SuggestFor: []string{"list", "squeue"},
		Short: "List jobs, newest first",
		Args:  terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.all && cmd.Flags().Changed("limit") {
				return terminal.UsageErrorf("--all and --limit are mutually exclusive")
			}
			return a.jobs(cmd.Context(), f)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().StringVar(&f.status, "status", "", "list only jobs with this `status`: "+errand.ListStatuses())
	cmd.Flags().StringVar(&f.queue, "queue", "", "list only jobs of the queue with this `name`")
	cmd.Flags().IntVar(&f.limit, "limit", 20, "list at most `N` jobs")
	cmd.Flags().StringVar(&f.cursor, "cursor", "", "list the jobs after this `cursor`: the \"next\" of an earlier list")
	cmd.Flags().BoolVar(&f.all, "all", false, "list all jobs")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON: {\"jobs\": […], \"next\": …}")
	return cmd
}

func (a *app) jobs(ctx context.Context, f jobsFlags) error {
	if f.limit < 1 {
		return terminal.UsageErrorf("--limit must be at least 1, got %d", f.limit)
	}
	if f.status != "" && !slices.Contains(errand.Statuses, errand.Status(f.status)) {
		return terminal.UsageErrorf("--status must be %s; got %q", errand.ListStatuses(), f.status)
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := listJobs(ctx, c, f)
	if err != nil {
		return err
	}
	if f.json {
		return a.term.PrintJSON(list)
	}
	rows := make([][]string, 0, len(list.Jobs))
	for i := range list.Jobs {
		rows = append(rows, a.jobRow(&list.Jobs[i]))
	}
	if err := a.term.PrintTable([]string{"ID", "STATUS", "EXIT", "QUEUE", "CREATED", "TOOK", "WHAT"}, rows); err != nil {
		return err
	}
	if list.Next != "" && a.term.IsTTY() {
		a.term.Hintf("there are more jobs; list them with --all or --cursor %s", list.Next)
	}
	return nil
}

// listJobs reads pages until there are as many as was asked for.
func listJobs(ctx context.Context, c *api.Client, f jobsFlags) (api.JobList, error) {
	list := api.JobList{Jobs: []api.Job{}, Next: f.cursor}
	for {
		limit := errand.MaxPage
		if !f.all {
			limit = min(limit, f.limit-len(list.Jobs))
		}
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.JobList, error) {
			return c.Jobs(ctx, errand.Status(f.status), f.queue, limit, list.Next)
		})
		if err != nil {
			return list, err
		}
		list.Jobs, list.Next = append(list.Jobs, page.Jobs...), page.Next
		if list.Next == "" || !f.all && len(list.Jobs) >= f.limit {
			return list, nil
		}
	}
}

func (a *app) jobRow(j *api.Job) []string {
	return []string{j.ID, string(j.Status), exitText(j.ExitCode), j.Queue, a.term.FormatTime(j.CreatedAt), a.took(j), what(j)}
}

// exitText is the exit code, or a dash where there is none.
func exitText(code *int) string {
	if code == nil {
		return "-"
	}
	return strconv.Itoa(*code)
}

// took is how long a job ran, or has run so far.
func (a *app) took(j *api.Job) string {
	if j.StartedAt == nil {
		return "-"
	}
	end := a.term.Now()
	if j.FinishedAt != nil {
		end = *j.FinishedAt
	}
	return terminal.FormatDuration(end.Sub(*j.StartedAt))
}

// what is a job's name, or else its commands, in one line.
func what(j *api.Job) string {
	if j.Name != "" {
		return terminal.FirstLine(j.Name, 60)
	}
	var commands []string
	for _, c := range j.Commands {
		commands = append(commands, terminal.FirstLine(c.String(), 60))
	}
	return terminal.FirstLine(strings.Join(commands, "; "), 60)
}
