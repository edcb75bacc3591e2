package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// whenFlags say what a job waits for before it comes into its queue.
type whenFlags struct {
	after []string
	at    string
	in    time.Duration
}

func (f *whenFlags) add(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.after, "after", nil, "wait until these `jobs` have ended: ID[,ID…][:success|failure|any], default success; can be repeated")
	fl.StringVar(&f.at, "at", "", "wait until this `time`: 22:00, 2026-12-24T18:00, or RFC 3339; at most 7 days ahead")
	terminal.DurationVar(fl, &f.in, "in", 0, "wait for this long, like 2h; at most 7 days")
}

// addTo finds the jobs that the flags name, and adds them and the time to the job.
func (f *whenFlags) addTo(ctx context.Context, c *api.Client, now time.Time, body *api.CreateJob) error {
	at, err := f.notBefore(now)
	if err != nil {
		return err
	}
	body.NotBefore = at
	for _, flag := range f.after {
		ids, on, _ := strings.Cut(flag, ":")
		if on == "" {
			on = string(errand.OnSuccess)
		}
		if !slices.Contains(errand.Outcomes, errand.Outcome(on)) {
			return terminal.UsageErrorf("--after must end in :success, :failure or :any, got %q", flag)
		}
		for id := range strings.SplitSeq(ids, ",") {
			if id, err = findJobID(ctx, c, id); err != nil {
				return fmt.Errorf("--after: %w", err)
			}
			body.After = append(body.After, errand.Dependency{JobID: id, On: errand.Outcome(on)})
		}
	}
	return nil
}

// maxHold is how long a job may wait for its time.
var maxHold = errand.DefaultTiming().HoldLimit

// notBefore is the time that --at or --in means; nil if neither is set.
func (f *whenFlags) notBefore(now time.Time) (*time.Time, error) {
	switch {
	case f.at != "" && f.in != 0:
		return nil, terminal.UsageErrorf("--at and --in are mutually exclusive")
	case f.in < 0:
		return nil, terminal.UsageErrorf("--in must not be negative, got %s", f.in)
	case f.in > maxHold:
		return nil, terminal.UsageErrorf("--in must be at most %s, got %s", terminal.FormatExactDuration(maxHold), terminal.FormatExactDuration(f.in))
	case f.in > 0:
		at := now.Add(f.in).UTC()
		return &at, nil
	case f.at == "":
		return nil, nil
	}
	at, err := parseTimeOfDay(f.at, now)
	if err == nil && at.After(now.Add(maxHold)) {
		err = terminal.UsageErrorf("--at must be at most %s ahead, got %q", terminal.FormatExactDuration(maxHold), f.at)
	}
	return &at, err
}

// parseTimeOfDay reads a time: one of the day is the next such time.
func parseTimeOfDay(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at.UTC(), nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		if !at.After(now) {
			at = time.Date(now.Year(), now.Month(), now.Day()+1, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		}
		return at.UTC(), nil
	}
	return time.Time{}, terminal.UsageErrorf("--at must be a time like 22:00, 2026-12-24T18:00 or 2026-12-24T18:00:00+01:00, got %q", text)
}
