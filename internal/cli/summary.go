package cli

import (
	"fmt"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

// artifactsText is what an attempt gave back, in a few words; empty if nothing was asked for.
func artifactsText(a *errand.Artifacts) string {
	if a == nil {
		return ""
	}
	text := fmt.Sprintf("%s, %s", count(a.Files, "file"), terminal.FormatBytes(a.Bytes))
	if len(a.Missing) > 0 {
		text += "; no file matches " + quoteAll(a.Missing)
	}
	if a.Error != "" {
		text += "; " + a.Error
	}
	return text
}

// testLines are the counts of a job's tests, and those that failed.
func testLines(r *errand.TestReport) []string {
	if r == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("tests: %d run, %d failed, %d skipped", r.Tests-r.Skipped, r.Failed, r.Skipped)}
	for _, t := range r.Failing {
		name := t.Name
		if t.Class != "" {
			name = t.Class + "/" + name
		}
		if t.Message != "" {
			name += ": " + t.Message
		}
		lines = append(lines, "  FAIL  "+terminal.FirstLine(name, 200))
	}
	if more := r.Failed - len(r.Failing); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return lines
}
