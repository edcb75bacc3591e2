package cli

import (
	"context"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

type logsFlags struct {
	follow, json, raw bool
	attempt           int // 0: the latest
	tail              int // -1: all lines
	since, grep       string
}

func (a *app) logsCommand() *cobra.Command {
	f := logsFlags{tail: allLines}
	cmd := &cobra.Command{
		Use: "logs ID", Aliases: []string{"log"}, SuggestFor: []string{"tail", "output"},
		Short: "Print a job's output",
		Long: "Logs prints a job's stdout on stdout, and its stderr and the agent's own messages on stderr.\n\n" +
			"With --follow, the exit code is the job's, as that of errand run; Ctrl-C stops the printing, not the\n" +
			"job.\n\n" + howToNameJobs,
		Example: "  errand logs -f @last --tail 20\n  errand logs @last-failed --grep 'error|FAIL'",
		Args:    oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exitIsJobs = f.follow
			if cmd.Flags().Changed("attempt") && f.attempt < 1 {
				return terminal.UsageErrorf("--attempt must be at least 1, got %d", f.attempt)
			}
			if cmd.Flags().Changed("tail") && f.tail < 0 {
				return terminal.UsageErrorf("--tail must not be negative, got %d", f.tail)
			}
			return a.logs(cmd.Context(), args[0], f)
		},
	}
	a.addServerFlags(cmd)
	fl := cmd.Flags()
	fl.BoolVarP(&f.follow, "follow", "f", false, "keep printing until the job ends")
	fl.VarP(&tailValue{&f.tail}, "tail", "n", "print only the last `N` lines; with -f, and what follows (default all)")
	fl.StringVar(&f.since, "since", "", "print only what is newer than this `duration`, like 10m, or time, like 2026-01-02T15:04:05Z")
	fl.StringVar(&f.grep, "grep", "", "print only lines that match this regular `expression` (Go's syntax)")
	fl.IntVar(&f.attempt, "attempt", 0, "print the log of attempt `N` (default the latest)")
	fl.BoolVar(&f.raw, "raw", false, "keep the escape sequences of a job that ran under a terminal (default if stdout is one)")
	fl.BoolVar(&f.json, "json", false, "print one JSON object for each piece of output")
	return cmd
}

func (a *app) logs(ctx context.Context, id string, f logsFlags) error {
	filter, err := f.filter(a.term.Now())
	if err != nil {
		return err
	}
	ctx, stop := terminal.NotifyInterrupt(ctx, a.term.EndOutput)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if id, err = findJobID(ctx, c, id); err != nil {
		return err
	}
	if filter.out, err = a.frames(ctx, c, id, f.json, f.raw); err != nil {
		return err
	}
	if !filter.since.IsZero() {
		if filter.starts, err = attemptStarts(ctx, c, id); err != nil {
			return err
		}
	}
	at := api.LogPosition{JobID: id, Attempt: f.attempt}
	if f.follow && !filter.holding {
		return a.followLogs(ctx, c, at, f, filter)
	}
	if at, err = printLog(ctx, c, at, filter, !f.follow); err != nil || !f.follow {
		return err
	}
	return a.followLogs(ctx, c, at, f, filter)
}

// filter returns the filter that the flags describe, without its output.
func (f *logsFlags) filter(now time.Time) (*logFilter, error) {
	l := &logFilter{tail: f.tail, holding: f.tail != allLines, lines: f.tail != allLines || f.grep != ""}
	var err error
	if l.grep, err = regexp.Compile(f.grep); err != nil {
		return nil, terminal.UsageErrorf("--grep %w", err)
	}
	if f.since == "" {
		return l, nil
	}
	if l.since, err = time.Parse(time.RFC3339, f.since); err == nil {
		return l, nil
	}
	d, err := terminal.ParseDuration(f.since)
	if err != nil || d < 0 {
		return nil, terminal.UsageErrorf("--since must be a duration like 90s, 10m or 1d, or a time like 2026-01-02T15:04:05Z, got %q", f.since)
	}
	l.since = now.Add(-d)
	return l, nil
}

// attemptStarts are the times at which the job's attempts started.
func attemptStarts(ctx context.Context, c *api.Client, id string) (map[int]time.Time, error) {
	job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
	starts := map[int]time.Time{}
	if job.StartedAt != nil {
		starts[job.Attempt] = *job.StartedAt
	}
	for _, a := range job.Attempts {
		starts[a.Attempt] = a.StartedAt
	}
	return starts, err
}

// frames returns what prints a log: as it is, as lines of JSON, or without what only a
// terminal understands, if the job had one and stdout is none.
func (a *app) frames(ctx context.Context, c *api.Client, id string, asJSON, raw bool) (func(api.LogFrame) error, error) {
	switch {
	case asJSON:
		return a.jsonFrame, nil
	case raw, a.term.IsTTY():
		return a.printFrame, nil
	}
	job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
	if err != nil || job.Terminal == nil {
		return a.printFrame, err
	}
	return a.plainFrame(), nil
}

// plainFrame prints the output of a job that has a terminal where there is none.
func (a *app) plainFrame() func(api.LogFrame) error {
	var plain terminal.Plain
	return func(f api.LogFrame) error {
		if f.Stream == errand.Stdout.Name() {
			f.Data = plain.Strip(f.Data)
		}
		return a.printFrame(f)
	}
}

// followLogs prints a log until its job ends, and exits as errand run does. The log
// of an attempt that was not the last says nothing of the job's end.
func (a *app) followLogs(ctx context.Context, c *api.Client, at api.LogPosition, f logsFlags, filter *logFilter) error {
	follower := a.newFollower(c, at.JobID, f.attempt, nil)
	follower.attempt, follower.offset, follower.chunk = at.Attempt, at.Offset, at.Chunk
	follower.out = func(frame api.LogFrame) error { return filter.add(follower.attempt, frame) }
	job, err := followToEnd(ctx, follower)
	if err == nil {
		err = filter.flush()
	}
	if err != nil || f.attempt > 0 && f.attempt != job.Attempt {
		return err
	}
	if !f.json {
		a.printEnd(&job)
	}
	return jobExitError(&job)
}

// printLog prints what there is of a log, and returns where it ends. Of an ended job's
// long log, it reads only the end if a few lines are wanted. isLast: nothing follows.
func printLog(ctx context.Context, c *api.Client, at api.LogPosition, filter *logFilter, isLast bool) (api.LogPosition, error) {
	if !filter.selectsByLine() && filter.holding {
		end, err := readLogPage(ctx, c, api.LogPosition{JobID: at.JobID, Attempt: at.Attempt, Offset: noLog, Chunk: noLog})
		if err != nil {
			return at, err
		}
		if end.Bytes != nil {
			at.Offset, at.Chunk = max(0, *end.Bytes-filter.window()), 0
		}
	}
	begin := at
	at, err := readLog(ctx, c, at, filter)
	if err == nil && begin.Offset > 0 && len(filter.held) <= filter.tail { // the first line may be cut
		filter.reset()
		begin.Offset, begin.Chunk = 0, 0
		at, err = readLog(ctx, c, begin, filter)
	}
	if err == nil && isLast {
		err = filter.flush()
	}
	if err != nil {
		return at, err
	}
	return at, filter.release()
}

func readLogPage(ctx context.Context, c *api.Client, at api.LogPosition) (api.LogPage, error) {
	return callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.LogPage, error) {
		return c.FollowLogs(ctx, at, 0, "")
	})
}

// readLog passes what there is of a log to the filter.
func readLog(ctx context.Context, c *api.Client, at api.LogPosition, filter *logFilter) (api.LogPosition, error) {
	bulk := bulkReader{client: c}
	for {
		page, err := readLogPage(ctx, c, at)
		if err != nil {
			return at, err
		}
		add := func(f api.LogFrame) error { return filter.add(page.Attempt, f) }
		for _, f := range page.Frames {
			if err := add(f); err != nil {
				return at, err
			}
		}
		end := page.Done || page.Next == at.Offset
		at.Attempt, at.Offset, at.Chunk = page.Attempt, page.Next, page.Chunk
		if end {
			return at, nil
		}
		if at, err = bulk.read(ctx, at, &page, add); err != nil {
			return at, err
		}
	}
}
