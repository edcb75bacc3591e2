package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schedule", SuggestFor: []string{"cron", "crontab", "timer"},
		Short: "Run commands at the times of a cron expression",
		Long: "A schedule creates a job at each time of a cron expression. The server keeps the folder as long as\n" +
			"the schedule. An admin names the schedule of another owner as OWNER/NAME.",
		Example: "  errand schedule create nightly --cron '0 3 * * 1-5' --tz Europe/Berlin -- make test\n" +
			"  errand schedule create nightly test --cron '0 3 * * 1-5'   # the task \"test\" of errand.yaml\n" +
			"  errand jobs --schedule nightly",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.scheduleCreateCommand(), a.scheduleListCommand(), a.scheduleShowCommand(),
		a.schedulePauseCommand("pause", "Start no more jobs of the schedule; running ones go on", true),
		a.schedulePauseCommand("resume", "Start the jobs of the schedule again, from its next time on", false),
		a.scheduleRunCommand(), a.scheduleDeleteCommand(),
	)
	return cmd
}

// scheduleFlags say when a schedule runs.
type scheduleFlags struct {
	cron, zone, missed, overlap string
	replace, json               bool
	job                         runFlags
}

// notScheduled are flags of errand run that have no meaning for a schedule.
var notScheduled = []string{"after", "at", "in", "get", "force"}

func (f *scheduleFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Schedule", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.cron, "cron", "", "`expression` of minute, hour, day of the month, month and day of the week; or @hourly, @daily, @weekly, @monthly, @yearly")
		fl.StringVar(&f.zone, "tz", "", "time `zone` of the expression, like Europe/Berlin (default this machine's)")
		fl.StringVar(&f.missed, "missed", string(errand.MissedSkip), "`policy` for runs that no server started within 10 minutes: skip leaves them out, once starts one job for all of them")
		fl.StringVar(&f.overlap, "overlap", string(errand.OverlapAllow), "`policy` while an earlier job of the schedule has not ended: allow starts another one, skip leaves the run out, cancel cancels the earlier job first")
		fl.BoolVar(&f.replace, "replace", false, "replace the schedule of this name")
		fl.BoolVar(&f.json, "json", false, "print the schedule as JSON")
	})
	f.job.commandFlags.add(cmd)
	f.job.fileFlags.add(cmd)
	f.job.placeFlags.add(cmd)
	f.job.orderFlags.add(cmd)
	f.job.limitFlags.add(cmd)
	for _, name := range notScheduled {
		_ = cmd.Flags().MarkHidden(name) // which exist
	}
	cmd.Flags().Lookup("dry-run").Usage = "check the schedule and print its next runs; send no folder, and store nothing"
}

func (a *app) scheduleCreateCommand() *cobra.Command {
	var f scheduleFlags
	cmd := &cobra.Command{
		Use:   "create NAME [DIR] [flags] -- COMMAND [ARGUMENT…]\n  errand schedule create NAME [DIR] [flags] -c LINE…\n  errand schedule create NAME TASK [flags]",
		Short: "Create a schedule",
		Long: "Create sends DIR (default: the current folder; --no-source sends none), as errand run does, and creates\n" +
			"a schedule whose jobs run the command in it. TASK is one of errand.yaml, as it is now.\n" +
			"--dry-run prints the next 5 runs instead.\n\n" +
			"When the clocks go forward, a run whose time they skip starts at the moment of the change. When they\n" +
			"go back, a run whose time comes twice starts at the first. An expression with * as the hour goes on\n" +
			"in each hour that passes.",
		Example: "  errand schedule create nightly --cron '0 3 * * 1-5' --tz Europe/Berlin -- make test\n" +
			"  errand schedule create nightly test --cron '0 3 * * 1-5'   # the task \"test\" of errand.yaml\n" +
			"  errand schedule create backup --no-source --cron @daily --missed once --worker box -c './backup.sh'",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range notScheduled {
				if cmd.Flags().Changed(name) {
					return terminal.UsageErrorf("--%s has no meaning for a schedule", name)
				}
			}
			if err := f.job.useScheduledTask(cmd.Flags(), args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			return a.scheduleCreate(cmd.Context(), &f, args, cmd.ArgsLenAtDash())
		},
	}
	f.add(cmd)
	a.addServerFlags(cmd)
	return cmd
}

// useScheduledTask fills in what the flags leave open from the task that follows the
// schedule's name. A task's settings that are only for errand run don't count.
func (f *runFlags) useScheduledTask(fl *pflag.FlagSet, args []string, dash int) error {
	f.triesGiven = fl.Changed("max-tries")
	if len(args) != 2 || dash >= 0 || len(f.commands) > 0 || !isTaskName(args[1]) {
		return nil
	}
	project, err := settings.FindProject(".")
	if err != nil {
		return err
	}
	found, err := taskOf(project, args[1])
	if err != nil {
		return err
	}
	if len(found.After) > 0 {
		return terminal.UsageErrorf("task %s has after, which a schedule can't do: name a task without after", found.Name)
	}
	task := *found
	task.Settings = slices.DeleteFunc(slices.Clone(task.Settings), func(s settings.Setting) bool {
		return fl.Lookup(s.Flag) == nil || slices.Contains(notScheduled, s.Flag)
	})
	return f.setTask(fl, project, &task)
}

func (a *app) scheduleCreate(ctx context.Context, f *scheduleFlags, args []string, dash int) error {
	switch {
	case len(args) == 0 || dash == 0:
		return terminal.UsageErrorf("the schedule's name is missing: errand schedule create NAME --cron EXPRESSION -- COMMAND")
	case f.cron == "":
		return terminal.UsageErrorf("--cron is missing, like --cron '0 3 * * 1-5'")
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	f.job.detach, f.job.json = true, true // nobody watches the jobs
	dir, body, err := f.job.parse(args[1:], max(dash-1, -1), a.lookup)
	if err != nil {
		return f.job.locate(err)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	dryRun := f.job.dryRun
	if dryRun {
		f.job.noSource = true
	}
	if _, err := a.prepare(ctx, c, &f.job, dir, &body, sentFolders{}); err != nil {
		return err
	}
	request := api.CreateSchedule{
		Name: args[0], Cron: f.cron, TimeZone: f.zone, Missed: errand.MissedPolicy(f.missed), Overlap: errand.OverlapPolicy(f.overlap),
		Job: body, Replace: f.replace, DryRun: dryRun,
	}
	if request.TimeZone == "" {
		request.TimeZone = localZone(a.getenv("TZ"))
	}
	made := false
	sc, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (sc api.Schedule, err error) {
		sc, made, err = c.CreateSchedule(ctx, request)
		return sc, err
	})
	if err != nil {
		return err
	}
	if f.json {
		return a.term.PrintJSON(sc)
	}
	if dryRun {
		a.term.Notef("schedule %s is valid; nothing was stored", sc.Name)
		return a.term.PrintTable([]string{"NEXT RUNS", "LOCAL TIME"}, runRows(&sc, localZone(a.getenv("TZ"))))
	}
	verb := "is unchanged"
	switch {
	case made:
		verb = "created"
	case f.replace:
		verb = "replaced"
	}
	a.term.Notef("schedule %s %s; %s", sc.Name, verb, nextRun(&sc))
	return nil
}

// runRows are the next runs in the schedule's time zone and in the zone.
func runRows(sc *api.Schedule, zone string) [][]string {
	rows := make([][]string, 0, len(sc.NextRuns))
	for _, at := range sc.NextRuns {
		rows = append(rows, []string{zoned(at, sc.TimeZone), zoned(at, zone)})
	}
	return rows
}

// nextRun says when the schedule runs next, in its time zone.
func nextRun(sc *api.Schedule) string {
	if sc.NextRunAt == nil {
		return "it is " + string(sc.Status)
	}
	return "its next run is at " + zoned(*sc.NextRunAt, sc.TimeZone)
}

// runTime is a time of a list: in the schedule's time zone on a terminal, else for programs.
func (a *app) runTime(at time.Time, zone string) string {
	if !a.term.IsTTY() {
		return at.UTC().Format(time.RFC3339)
	}
	return zoned(at, zone)
}

func zoned(at time.Time, zone string) string {
	if loc, err := time.LoadLocation(zone); err == nil {
		at = at.In(loc)
	}
	return at.Format("2006-01-02 15:04 ") + "(" + zone + ")"
}

// localZone is the IANA name of this machine's time zone, as far as it says; else UTC.
func localZone(env string) string {
	name := strings.TrimPrefix(env, ":")
	if name == "" {
		link, err := os.Readlink("/etc/localtime")
		if err != nil {
			return "UTC"
		}
		_, name, _ = strings.Cut(link, "zoneinfo/")
	}
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return "UTC"
	}
	return name
}

func (a *app) scheduleListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List schedules", Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.scheduleList(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"schedules\": […]}")
	return cmd
}

func (a *app) scheduleList(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := listSchedules(ctx, c)
	if err != nil {
		return err
	}
	if asJSON {
		return a.term.PrintJSON(list)
	}
	owners := map[string]bool{}
	for _, s := range list.Schedules {
		owners[s.Owner] = true
	}
	rows := make([][]string, 0, len(list.Schedules))
	for _, s := range list.Schedules {
		name, next, last, job := s.Name, "-", "-", "-"
		if len(owners) > 1 {
			name = s.Owner + "/" + s.Name
		}
		if s.NextRunAt != nil {
			next = a.runTime(*s.NextRunAt, s.TimeZone)
		}
		if s.LastRun != nil {
			last, job = a.runTime(s.LastRun.At, s.TimeZone), s.LastRun.JobID
		}
		rows = append(rows, []string{name, s.Cron, string(s.Status), next, last, job, s.Error})
	}
	return a.term.PrintTable([]string{"NAME", "CRON", "STATUS", "NEXT RUN", "LAST RUN", "LAST JOB", "ERROR"}, rows)
}

func listSchedules(ctx context.Context, c *api.Client) (api.ScheduleList, error) {
	list := api.ScheduleList{Schedules: []api.Schedule{}}
	for {
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.ScheduleList, error) { return c.Schedules(ctx, list.Next) })
		if err != nil {
			return list, err
		}
		list.Schedules, list.Next = append(list.Schedules, page.Schedules...), page.Next
		if list.Next == "" {
			return list, nil
		}
	}
}

// withSchedule is a command that makes a call for the schedule that its argument names.
func (a *app) withSchedule(use, short string, do func(ctx context.Context, c *api.Client, name string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: terminal.OneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := terminal.NotifyInterrupt(cmd.Context())
			defer stop()
			c, err := a.client()
			if err != nil {
				return err
			}
			return do(ctx, c, args[0])
		},
	}
	a.addServerFlags(cmd)
	return cmd
}

func (a *app) scheduleShowCommand() *cobra.Command {
	var asJSON bool
	cmd := a.withSchedule("show NAME", "Show a schedule", func(ctx context.Context, c *api.Client, name string) error {
		sc, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Schedule, error) { return c.Schedule(ctx, name) })
		if err != nil {
			return err
		}
		if asJSON {
			return a.term.PrintJSON(sc)
		}
		var lines []string
		for _, row := range scheduleRows(&sc) {
			lines = append(lines, fmt.Sprintf("%-10s%s", row[0], row[1]))
		}
		return a.term.Print(strings.Join(lines, "\n"))
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func scheduleRows(sc *api.Schedule) [][]string {
	rows := [][]string{{"name", sc.Name}, {"owner", sc.Owner}, {"status", string(sc.Status)}, {"cron", sc.Cron + " (" + sc.TimeZone + ")"}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("error", sc.Error)
	if sc.NextRunAt != nil {
		add("next run", zoned(*sc.NextRunAt, sc.TimeZone))
	}
	if sc.LastRun != nil {
		add("last run", zoned(sc.LastRun.At, sc.TimeZone))
		add("last job", sc.LastRun.JobID)
	}
	add("missed", fmt.Sprintf("%s; %d so far", sc.Missed, sc.MissedRuns))
	add("overlap", fmt.Sprintf("%s; %d skipped so far", sc.Overlap, sc.SkippedRuns))
	add("queue", sc.Job.Queue)
	add("worker", sc.Job.Worker)
	add("group", sc.Job.Group)
	if sc.Job.Source != nil {
		add("folder", strconv.FormatInt(sc.Job.Source.Size, 10)+" bytes")
	}
	for _, cmd := range sc.Job.Commands {
		add("command", cmd.String())
	}
	return rows
}

func (a *app) schedulePauseCommand(verb, short string, paused bool) *cobra.Command {
	return a.withSchedule(verb+" NAME", short, func(ctx context.Context, c *api.Client, name string) error {
		sc, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Schedule, error) { return c.PauseSchedule(ctx, name, paused) })
		switch {
		case err != nil:
			return err
		case paused:
			a.term.Notef("schedule %s paused", name)
		default:
			a.term.Notef("schedule %s resumed; %s", name, nextRun(&sc))
		}
		return nil
	})
}

func (a *app) scheduleRunCommand() *cobra.Command {
	cmd := a.withSchedule("run NAME", "Create a job of the schedule now, and print its ID", func(ctx context.Context, c *api.Client, name string) error {
		key := rand.Text()
		job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return c.RunSchedule(ctx, name, key) })
		if err != nil {
			return err
		}
		return a.term.Print(job.ID)
	})
	cmd.Long = "Run creates a job of the schedule now, whether it is paused or not and whether an earlier job still\nruns, and prints the job's ID. Follow it with errand attach @last."
	return cmd
}

func (a *app) scheduleDeleteCommand() *cobra.Command {
	cmd := a.withSchedule("delete NAME", "Delete a schedule; its jobs stay", func(ctx context.Context, c *api.Client, name string) error {
		_, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.DeleteSchedule(ctx, name) })
		if err == nil {
			a.term.Notef("schedule %s deleted", name)
		}
		return err
	})
	cmd.Aliases = []string{"rm"}
	return cmd
}
