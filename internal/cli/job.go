package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) jobCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "job ID", SuggestFor: []string{"show", "get", "describe", "inspect", "view"},
		Short: "Show a job's status, commands and exit codes",
		Long:  "Job shows a job's status, times, attempts, commands and exit codes.\n\n" + howToNameJobs,
		Args:  oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withJob(cmd.Context(), args[0], asJSON, false, (*api.Client).Job)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var asJSON, wait bool
	cmd := &cobra.Command{
		Use: "cancel ID…", SuggestFor: []string{"kill", "stop", "rm", "delete", "scancel"},
		Short: "Cancel jobs",
		Long: "Cancel ends a pending job at once. A running job is cancelled once its worker has stopped it.\n\n" +
			howToNameJobs,
		Args: someJobIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancelJobs(cmd.Context(), args, asJSON, wait)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "exit when the jobs have ended")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: an object for each job")
	return cmd
}

// cancelJobs cancels each of the jobs, also after one that it can't.
func (a *app) cancelJobs(ctx context.Context, ids []string, asJSON, wait bool) error {
	var failed error
	for i, id := range ids {
		err := a.withJob(ctx, id, asJSON, wait, (*api.Client).Cancel)
		if errors.Is(err, terminal.ErrInterrupted) {
			return err
		}
		if err == nil && i < len(ids)-1 && !asJSON {
			err = a.term.Print("")
		}
		if err != nil && len(ids) > 1 {
			a.term.PrintError(err)
			err = &terminal.ExitError{Code: terminal.ExitFailure}
		}
		failed = cmp.Or(err, failed)
	}
	return failed
}

// howToNameJobs is a part of the help of commands that take a job's ID.
const howToNameJobs = "ID is a job's ID, the beginning of it, @last for the newest job, or @last-failed for the newest job\n" +
	"that ran and failed, or has an exit code other than 0."

// oneJobID is a cobra.PositionalArgs.
func oneJobID(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return terminal.WithHint(terminal.UsageErrorf("%s requires one job ID, got %d", cmd.CommandPath(), len(args)), "list jobs with errand jobs")
}

// withJob makes a call that answers a job, and shows it; with wait, when it has ended.
func (a *app) withJob(ctx context.Context, id string, asJSON, wait bool, f func(*api.Client, context.Context, string) (api.Job, error)) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if id, err = findJobID(ctx, c, id); err != nil {
		return err
	}
	job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return f(c, ctx, id) })
	if err == nil && wait && !job.Status.Terminal() {
		job, err = a.waitForEnd(ctx, c, id)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return a.term.PrintJSON(job)
	}
	return a.showJob(&job, whatFor(ctx, c, &job))
}

// whatFor says what a job waits for that has not begun, or is to be cancelled. An older
// server does not know.
func whatFor(ctx context.Context, c *api.Client, j *api.Job) string {
	if j.Status.Terminal() || j.Status == errand.Running && !j.CancelRequested {
		return ""
	}
	e, err := callOnce(ctx, 0, func(ctx context.Context) (errand.Explanation, error) { return c.Explain(ctx, j.ID) })
	switch {
	case err != nil:
		return ""
	case e.Cause == errand.CauseCancelling && e.HeartbeatMs > 0:
		return fmt.Sprintf("for the worker, which learns of the cancellation within %s and then ends the commands", time.Duration(e.HeartbeatMs)*time.Millisecond)
	case e.Status == errand.Pending:
		return strings.TrimPrefix(strings.TrimPrefix(e.Sentence, "job "+j.ID+" "), "waits ")
	}
	return ""
}

// showJob prints a job as lines of "name: value", and a table of its commands. waits is
// what it waits for.
func (a *app) showJob(j *api.Job, waits string) error {
	var b strings.Builder
	colored := func(color, name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name+":", a.term.Color(color, terminal.ReplaceControls(value)))
		}
	}
	line := func(name, value string) { colored("", name, value) }
	status := string(j.Status)
	if j.CancelRequested && !j.Status.Terminal() {
		status += " (cancel requested)"
	}
	line("id", j.ID)
	colored(statusColor(j), "status", status)
	line("waiting", waits)
	if j.ExitCode != nil {
		colored(statusColor(j), "exit code", strconv.Itoa(*j.ExitCode))
	}
	line("reason", string(j.Reason))
	line("error", j.Error)
	line("name", j.Name)
	line("owner", j.Owner)
	line("queue", j.Queue)
	line("group", j.Group)
	line("worker", workerText(j))
	line("attempt", fmt.Sprintf("%d of %d", cmp.Or(j.Try, j.Attempt), mostTries(j)))
	if n := len(j.Attempts); n > 0 && j.Silence != nil {
		line("silence", silenceText(&j.Attempts[n-1], j.Silence))
	}
	line("created", j.CreatedAt.UTC().Format(time.RFC3339))
	line("started", timeText(j.StartedAt))
	line("finished", timeText(j.FinishedAt))
	if j.Source != nil {
		line("source", fmt.Sprintf("%s, %s, SHA-256 %s", cmp.Or(j.Source.Filename, "archive"), terminal.FormatBytes(j.Source.Size), j.Source.SHA256))
	}
	if j.Result != nil {
		line("artifacts", artifactsText(j.Result.Artifacts))
	}
	if err := a.term.Print(b.String()); err != nil {
		return err
	}
	if len(j.Attempts) > 1 {
		if err := a.term.PrintAligned(attemptHead, attemptRows(j.Attempts)); err != nil {
			return err
		}
		if err := a.term.Print(""); err != nil {
			return err
		}
	}
	if err := a.term.PrintAligned(commandHead, commandRows(j)); err != nil || j.Result == nil {
		return err
	}
	for _, text := range testLines(j.Result.Tests) {
		if err := a.term.Print(text); err != nil {
			return err
		}
	}
	return nil
}

// mostTries is how many attempts the job may have in all.
func mostTries(j *api.Job) int {
	if j.RetryOnExit == nil {
		return j.MaxAttempts
	}
	return max(j.MaxAttempts, j.RetryOnExit.MaxTries)
}

// workerText is the name and the ID of the job's worker.
func workerText(j *api.Job) string {
	if j.Direct {
		return j.WorkerName
	}
	if j.WorkerName == "" || j.WorkerID == "" {
		return j.WorkerID
	}
	return j.WorkerName + " (" + j.WorkerID + ")"
}

var attemptHead = []string{"ATTEMPT", "WORKER", "STARTED", "ENDED", "WHY"}

func attemptRows(all []errand.JobAttempt) [][]string {
	rows := make([][]string, len(all))
	for i, a := range all {
		why := string(a.Reason)
		if a.Error != "" {
			why += ": " + terminal.FirstLine(a.Error, 100)
		}
		rows[i] = []string{
			strconv.Itoa(a.Attempt), terminal.FirstLine(cmp.Or(a.WorkerName, a.WorkerID), 40), a.StartedAt.UTC().Format(time.RFC3339),
			cmp.Or(timeText(&a.EndedAt), "-"), cmp.Or(why, "-"),
		}
	}
	return rows
}

func timeText(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

var commandHead = []string{"#", "EXIT", "TOOK", "COMMAND"}

// commandRows says how each command ended; those that were not run have dashes.
func commandRows(j *api.Job) [][]string {
	rows := make([][]string, len(j.Commands))
	for i, c := range j.Commands {
		exit, took := "-", "-"
		if j.Result != nil && i < len(j.Result.Commands) {
			r := j.Result.Commands[i]
			exit, took = commandExit(&r), terminal.FormatDuration(time.Duration(r.DurationMs)*time.Millisecond)
		}
		rows[i] = []string{strconv.Itoa(i + 1), exit, took, terminal.FirstLine(c.String(), 100)}
	}
	return rows
}

func commandExit(r *errand.CommandResult) string {
	switch {
	case r.ExitCode == -1 && r.Signal == "":
		return "not started"
	case r.Signal != "":
		return strconv.Itoa(r.ExitCode) + " (" + terminal.ReplaceControls(r.Signal) + ")"
	}
	return strconv.Itoa(r.ExitCode)
}
