package cli

import (
	"context"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain ID", SuggestFor: []string{"why", "reason"},
		Short: "Say why a job waits, or what became of it",
		Long: "Explain prints one sentence: what a pending job waits for, where a running job runs, or how a job\n" +
			"ended. --json prints the facts: position in the queue, jobs of its group, workers, attempts.\n\n" +
			howToNameJobs,
		Args: oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0], asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) explain(ctx context.Context, id string, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if id, err = findJobID(ctx, c, id); err != nil {
		return err
	}
	e, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (errand.Explanation, error) { return c.Explain(ctx, id) })
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.term.PrintJSON(e)
	}
	sentence := terminal.ReplaceControls(e.Sentence)
	if a.term.IsTTY() {
		sentence = withLocalTimes(sentence, time.Local)
	}
	if err := a.term.Print(sentence); err != nil {
		return err
	}
	if hint := explainHint(&e); hint != "" {
		a.term.Hintf("%s", hint)
	}
	return nil
}

var utcTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// withLocalTimes replaces the times of a server's sentence, which are in UTC, by those of
// the zone.
func withLocalTimes(sentence string, zone *time.Location) string {
	return utcTime.ReplaceAllStringFunc(sentence, func(text string) string {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return text
		}
		return at.In(zone).Format("2006-01-02 15:04:05 MST")
	})
}

// explainHint is what the user can do about the job's cause.
func explainHint(e *errand.Explanation) string {
	if e.Cause == errand.CauseNoWorker {
		return "start a worker with errand agent, or cancel the job with errand cancel " + e.JobID
	}
	if e.Cause == errand.CauseUnsuitable {
		return "errand workers lists the labels of all; or cancel the job with errand cancel " + e.JobID
	}
	return ""
}
