package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

type jobsFlags struct {
	status, queue, cursor string
	schedule              string
	limit                 int
	all, json, watch      bool
	jobFilter
}

// A jobFilter selects jobs by what the server has no filter for.
type jobFilter struct {
	name, group, worker string
	since, until        time.Duration
	failed              bool
}

func (a *app) jobsCommand() *cobra.Command {
	var f jobsFlags
	cmd := &cobra.Command{
		Use: "jobs", Aliases: []string{"ps", "ls"}, SuggestFor: []string{"list", "squeue", "history", "watch", "runs"},
		Short:   "List jobs, newest first",
		Example: "  errand jobs --watch\n  errand jobs --failed --since 1d",
		Args:    terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.all && cmd.Flags().Changed("limit") {
				return terminal.UsageErrorf("--all and --limit are mutually exclusive")
			}
			return a.jobs(cmd.Context(), f)
		},
	}
	a.addServerFlags(cmd)
	terminal.AddFlags(cmd, "Which jobs", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.status, "status", "", "list only jobs with this `status`: "+errand.ListStatuses())
		fl.BoolVar(&f.failed, "failed", false, "list only jobs that failed, or completed with an exit code other than 0")
		fl.StringVar(&f.queue, "queue", "", "list only jobs of the queue with this `name`")
		fl.StringVar(&f.schedule, "schedule", "", "list only jobs of the schedule with this `name`")
		fl.StringVar(&f.name, "name", "", "list only jobs whose name contains this `text`, in upper or lower case")
		fl.StringVar(&f.group, "group", "", "list only jobs of the group with this `name`")
		fl.StringVar(&f.worker, "worker", "", "list only jobs of the worker with this `name` or ID")
		terminal.DurationVar(fl, &f.since, "since", 0, "list only jobs that were created in the last `duration`, like 1h or 1d")
		terminal.DurationVar(fl, &f.until, "until", 0, "list only jobs that were created longer than this `duration` ago")
		fl.IntVar(&f.limit, "limit", 20, "list at most `N` jobs")
		fl.BoolVar(&f.all, "all", false, "list all jobs")
		fl.StringVar(&f.cursor, "cursor", "", "list the jobs after this `cursor`: the \"next\" of an earlier list")
	})
	terminal.AddFlags(cmd, "Output", func(fl *pflag.FlagSet) {
		fl.BoolVarP(&f.watch, "watch", "w", false, "keep the list up to date until you press Ctrl-C; piped, print a job again when it changes")
		fl.BoolVar(&f.json, "json", false, "print JSON: {\"jobs\": […], \"next\": …}")
	})
	return cmd
}

func (f *jobsFlags) check() error {
	switch {
	case f.limit < 1:
		return terminal.UsageErrorf("--limit must be at least 1, got %d", f.limit)
	case f.status != "" && !slices.Contains(errand.Statuses, errand.Status(f.status)):
		return terminal.UsageErrorf("--status must be %s; got %q", errand.ListStatuses(), f.status)
	case min(f.since, f.until) < 0:
		return terminal.UsageErrorf("--since and --until must not be negative")
	case f.watch && f.json:
		return terminal.UsageErrorf("--watch and --json are mutually exclusive")
	}
	return nil
}

func (a *app) jobs(ctx context.Context, f jobsFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if f.watch {
		return a.watchJobs(ctx, c, f)
	}
	list, searched, err := a.listJobs(ctx, c, f)
	if err != nil {
		return err
	}
	if f.json {
		return a.term.PrintJSON(list)
	}
	header, rows := a.jobTable(list.Jobs)
	if err := a.term.PrintTable(header, rows, optionalOfJobs...); err != nil {
		return err
	}
	switch {
	case searched:
		a.term.Hintf("only the newest %d jobs were searched; search all of them with --all", maxSearched)
	case list.Next != "" && a.term.IsTTY():
		a.term.Hintf("there are more jobs; list them with --all or --cursor %s", list.Next)
	}
	return nil
}

// maxSearched is how many jobs are looked through for those that a filter selects.
const maxSearched = 2000

// listJobs reads pages until there are as many jobs as was asked for. searched says that
// there may be more of them among older jobs than those it looked at.
func (a *app) listJobs(ctx context.Context, c *api.Client, f jobsFlags) (list api.JobList, searched bool, err error) {
	now := a.term.Now()
	list = api.JobList{Jobs: []api.Job{}, Next: f.cursor}
	for seen := 0; ; {
		limit := errand.MaxPage
		if !f.all && f.jobFilter == (jobFilter{}) {
			limit = min(limit, f.limit-len(list.Jobs))
		}
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.JobList, error) {
			if f.schedule != "" {
				return c.ScheduleJobs(ctx, f.schedule, errand.Status(f.status), f.queue, limit, list.Next)
			}
			return c.Jobs(ctx, errand.Status(f.status), f.queue, limit, list.Next)
		})
		if err != nil {
			return list, false, err
		}
		list.Next = page.Next
		for i, j := range page.Jobs {
			if f.since > 0 && j.CreatedAt.Before(now.Add(-f.since)) {
				list.Next = ""
				return list, false, nil
			}
			if f.matches(&j, now) {
				list.Jobs = append(list.Jobs, j)
			}
			if !f.all && len(list.Jobs) == f.limit {
				if i+1 < len(page.Jobs) {
					list.Next = j.ID
				}
				return list, false, nil
			}
		}
		seen += len(page.Jobs)
		if list.Next == "" || !f.all && seen >= maxSearched {
			return list, list.Next != "", nil
		}
	}
}

func (f *jobFilter) matches(j *api.Job, now time.Time) bool {
	return strings.Contains(strings.ToLower(j.Name), strings.ToLower(f.name)) &&
		(f.group == "" || j.Group == f.group) &&
		(f.worker == "" || f.worker == j.WorkerID || strings.EqualFold(f.worker, j.WorkerName)) &&
		(f.until == 0 || j.CreatedAt.Before(now.Add(-f.until))) &&
		(!f.failed || isFailure(j))
}

// The widths of a terminal from which a list of jobs has more columns.
const (
	widthForWorker = 120
	widthForGroup  = 140
)

// optionalOfJobs are the columns that a list of jobs lacks on a narrow terminal.
var optionalOfJobs = []string{"QUEUE", "TOOK", "CREATED", "WHAT"}

// jobTable is the table of a list of jobs.
func (a *app) jobTable(jobs []api.Job) (header []string, rows [][]string) {
	hasWorker := a.term.Columns() >= widthForWorker
	hasGroup := a.term.Columns() >= widthForGroup && slices.ContainsFunc(jobs, func(j api.Job) bool { return j.Group != "" })
	header = []string{"ID", "STATUS", "EXIT", "QUEUE"}
	if hasGroup {
		header = append(header, "GROUP")
	}
	if hasWorker {
		header = append(header, "WORKER")
	}
	header = append(header, "CREATED", "TOOK", "WHAT")
	for i := range jobs {
		j := &jobs[i]
		row := []string{j.ID, a.colorStatus(j, string(j.Status)), a.colorStatus(j, exitText(j.ExitCode)), j.Queue}
		if hasGroup {
			row = append(row, terminal.FirstLine(cmp.Or(j.Group, "-"), 30))
		}
		if hasWorker {
			row = append(row, terminal.FirstLine(cmp.Or(j.WorkerName, j.WorkerID, "-"), 30))
		}
		rows = append(rows, append(row, a.term.FormatTime(j.CreatedAt), a.took(j), a.what(j)))
	}
	return header, rows
}

// colorStatus colors text about how a job stands.
func (a *app) colorStatus(j *api.Job, text string) string { return a.term.Color(statusColor(j), text) }

// statusColor is the color for how a job stands; empty: the terminal's own.
func statusColor(j *api.Job) string {
	switch {
	case isFailure(j):
		return terminal.Red
	case j.Status == errand.Completed:
		return terminal.Green
	case j.Status == errand.Running:
		return terminal.Yellow
	case j.Status == errand.Cancelled:
		return terminal.Gray
	}
	return ""
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

// what is a job's name, or else its commands, in one line; on a terminal both.
func (a *app) what(j *api.Job) string {
	if !a.term.IsTTY() {
		return what(j)
	}
	commands := terminal.FirstLine(commandText(j), 400)
	if j.Name == "" {
		return commands
	}
	return terminal.FirstLine(j.Name, 60) + ": " + commands
}

func what(j *api.Job) string { return terminal.FirstLine(cmp.Or(j.Name, commandText(j)), 60) }

func commandText(j *api.Job) string {
	var commands []string
	for _, c := range j.Commands {
		commands = append(commands, terminal.FirstLine(c.String(), 60))
	}
	return strings.Join(commands, "; ")
}
