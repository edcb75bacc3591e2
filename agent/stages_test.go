//go:build unix

package agent_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSlowStages: the log begins with what took long before the commands. That of a job
// that had nothing to wait for begins with its command.
func TestSlowStages(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		want  string
	}{
		"slow": {2500 * time.Millisecond, "errand: fetching the folder took 2.5 s\n$ true\n"},
		"fast": {900 * time.Millisecond, "$ true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock, _ := onManual(t)
			s.set(func() {
				s.before = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/bucket/") {
						clock.Advance(tt.takes)
					}
					return false
				}
			})
			a := s.job("true")
			s.source(a, map[string]string{"file": "text"})
			s.give(a)
			if log, _ := s.log(jobID, 1, s.result().Log); string(log) != tt.want {
				t.Errorf("the log is %q, want %q", log, tt.want)
			}
		})
	}
}
