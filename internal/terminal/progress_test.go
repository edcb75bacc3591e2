package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		terminal, quiet bool
		after           time.Duration
		want, not       string
	}{
		{"a line", false, false, 6 * time.Second, "errand: packing: 60 bytes of 100 bytes, 10 bytes/s\n", "%"},
		{"no line yet", false, false, 4 * time.Second, "", "packing"},
		{"a bar", true, false, 600 * time.Millisecond, "60%", "bytes/s\n"},
		{"over early", true, false, 400 * time.Millisecond, "", "packing"},
		{"quiet bar", true, true, 6 * time.Second, "", "packing"},
		{"quiet", false, true, 6 * time.Second, "", "packing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, err strings.Builder
			term := New(&out, &err, func(string) string { return "" })
			now := time.Unix(1, 0)
			term.stderrTTY, term.now = tt.terminal, func() time.Time { return now }
			if tt.quiet {
				term.SetQuiet()
			}
			p := term.StartProgress("packing", 100)
			now = now.Add(tt.after)
			p.Add(60)
			p.End()
			term.Warnf("over")
			if got := err.String(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) || !strings.HasSuffix(got, "errand: over\n") {
				t.Errorf("%q", got)
			}
			if tt.want == "60%" && !strings.HasSuffix(err.String(), "\r\x1b[2Kerrand: over\n") {
				t.Errorf("the bar stays: %q", err.String())
			}
		})
	}
}
