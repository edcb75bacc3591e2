package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// What names a job besides its ID and the beginning of it.
const (
	lastJob       = "@last"        // the newest job
	lastFailedJob = "@last-failed" // the newest job that failed, or whose commands did; none that others kept from running
)

const (
	// shownMatches is how many jobs an error about an ambiguous ID lists.
	shownMatches = 5
	// maxFailedSearch is how many jobs are looked through for one that failed.
	maxFailedSearch = 1000
	jobIDLength     = 26
)

// jobPrefix matches the beginning of a job's ID, a ULID in upper case.
var jobPrefix = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{0,25}$`)

// findJobID returns the ID of the job that arg names: its ID, the beginning of it, @last or
// @last-failed. An ID is returned as it is, without a call.
func findJobID(ctx context.Context, c *api.Client, arg string) (string, error) {
	switch arg {
	case lastJob:
		return findLastJob(ctx, c)
	case lastFailedJob:
		return findLastFailed(ctx, c)
	}
	id := strings.ToUpper(arg)
	if errand.ValidJobID(id) {
		return id, nil
	}
	if strings.HasPrefix(arg, "@") {
		return "", terminal.UsageErrorf("a job is named by its ID, the beginning of its ID, %s or %s, got %q", lastJob, lastFailedJob, arg)
	}
	if !jobPrefix.MatchString(id) {
		return "", errNoJob(arg)
	}
	return findPrefix(ctx, c, arg, id)
}

func errNoJob(arg string) error {
	return terminal.WithHint(fmt.Errorf("no job has an ID that is %q or begins with it", arg), "list jobs with errand jobs")
}

// findPrefix asks for the newest jobs that are older than the last ID with the prefix:
// those with the prefix, if there are any, come first.
func findPrefix(ctx context.Context, c *api.Client, arg, prefix string) (string, error) {
	after := prefix + strings.Repeat("Z", jobIDLength-len(prefix))
	list, err := listPage(ctx, c, shownMatches+1, after)
	if err != nil {
		return "", err
	}
	var found []api.Job
	for _, j := range list.Jobs {
		if strings.HasPrefix(j.ID, prefix) {
			found = append(found, j)
		}
	}
	switch len(found) {
	case 0:
		return "", errNoJob(arg)
	case 1:
		return found[0].ID, nil
	}
	return "", errAmbiguous(arg, found)
}

func listPage(ctx context.Context, c *api.Client, limit int, cursor string) (api.JobList, error) {
	return callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.JobList, error) {
		return c.Jobs(ctx, "", "", limit, cursor)
	})
}

func errAmbiguous(arg string, found []api.Job) error {
	number := fmt.Sprint(len(found))
	if len(found) > shownMatches {
		number, found = fmt.Sprintf("more than %d", shownMatches), found[:shownMatches]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the IDs of %s jobs begin with %q:", number, arg)
	for i := range found {
		fmt.Fprintf(&b, "\n  %s  %s  %s", found[i].ID, outcome(&found[i]), what(&found[i]))
	}
	return terminal.WithHint(errors.New(b.String()), "type more of the ID")
}

// outcome is a job's status, with the exit code of one that completed.
func outcome(j *api.Job) string {
	if j.ExitCode != nil {
		return string(j.Status) + " " + exitText(j.ExitCode)
	}
	return string(j.Status)
}

func findLastJob(ctx context.Context, c *api.Client) (string, error) {
	list, err := listPage(ctx, c, 1, "")
	if err != nil {
		return "", err
	}
	if len(list.Jobs) == 0 {
		return "", terminal.WithHint(errors.New("there is no job yet"), "run one with errand run")
	}
	return list.Jobs[0].ID, nil
}

func findLastFailed(ctx context.Context, c *api.Client) (string, error) {
	cursor := ""
	for seen := 0; seen < maxFailedSearch; {
		list, err := listPage(ctx, c, errand.MaxPage, cursor)
		if err != nil {
			return "", err
		}
		for i := range list.Jobs {
			if j := &list.Jobs[i]; isFailure(j) && j.Reason != errand.ReasonDependencyFailed {
				return list.Jobs[i].ID, nil
			}
		}
		seen += len(list.Jobs)
		if cursor = list.Next; cursor == "" {
			return "", errors.New("no job has failed")
		}
	}
	return "", fmt.Errorf("none of the latest %d jobs has failed", maxFailedSearch)
}

// isFailure reports whether a job has ended without success, and was not cancelled.
func isFailure(j *api.Job) bool {
	return j.Status == errand.Failed || j.Status == errand.Completed && (j.ExitCode == nil || *j.ExitCode != 0)
}
