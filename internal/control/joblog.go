package control

import (
	"context"
	"log/slog"

	"github.com/errandhq/errand"
)

// logChange writes a line for, and shows the observer, a change of a job's state that was stored. A state that
// was only renewed, hidden or watched is no change.
func (s *Service) logChange(ctx context.Context, before, after errand.StateRecord) {
	text := changeText(&before, &after)
	if text == "" {
		return
	}
	if s.Observe != nil {
		s.Observe(before, after)
	}
	attrs := []slog.Attr{slog.String("job", after.JobID), slog.String("status", string(after.Status))}
	if after.Attempt > 0 {
		attrs = append(attrs, slog.String("worker", after.WorkerID), slog.Int("attempt", after.Attempt))
	}
	if after.ExitCode != nil {
		attrs = append(attrs, slog.Int("exit", *after.ExitCode))
	}
	if after.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(after.Reason)))
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, text, attrs...)
}

func changeText(before, after *errand.StateRecord) string {
	changed := before.Status != after.Status
	switch {
	case after.Status == errand.Running && before.Attempt != after.Attempt:
		return "job assigned"
	case after.Status == errand.Running && after.CancelRequested && !before.CancelRequested:
		return "job cancellation requested"
	case !changed:
		return ""
	case after.Status == errand.Pending && after.Attempt == 0:
		return "job created"
	case after.Status == errand.Pending:
		return "job returned to its queue"
	}
	return "job " + string(after.Status)
}
