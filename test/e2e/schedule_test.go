//go:build unix

package e2e

import (
	"strings"
	"testing"
)

// TestSchedule: a schedule with a folder is created, runs, is listed, paused, resumed and
// deleted by the commands that a user types.
func TestSchedule(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"input": "sent\n"})
	schedule := func(code int, verb string, args ...string) (stdout, stderr string) {
		t.Helper()
		p := start(t, append([]string{"schedule", verb, "--server", s.url, "--token-file", s.tokenFile("user")}, args...)...)
		if got := p.wait(); got != code {
			t.Fatalf("schedule %s %q: exit code %d; stderr:\n%s", verb, args, got, p.stderr)
		}
		return p.stdout.String(), p.stderr.String()
	}
	contains := func(got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%q is not in\n%s", w, got)
			}
		}
	}
	create := []string{"nightly", dir, "--cron", "0 3 * * 1-5", "--tz", "Europe/Berlin", "--missed", "once", "--overlap", "skip", "-c", "cat input"}
	out, err := schedule(0, "create", append(create, "--dry-run")...)
	contains(err, "schedule nightly is valid; nothing was stored")
	if n := strings.Count(out, " 03:00 (Europe/Berlin)\t"); n != 5 {
		t.Errorf("%d next runs in\n%s", n, out)
	}
	_, err = schedule(1, "create", "nightly", dir, "--cron", "61 * * * *", "--dry-run", "-c", "cat input")
	contains(err, "cron must be a cron expression")
	_, err = schedule(1, "show", "nightly")
	contains(err, "schedule_not_found")
	_, err = schedule(0, "create", create...)
	contains(err, "schedule nightly created; its next run is at ", " 03:00 (Europe/Berlin)")
	_, err = schedule(0, "create", create...)
	contains(err, "is unchanged")
	create[3] = "30 3 * * *"
	_, err = schedule(1, "create", create...)
	contains(err, "--replace")
	_, err = schedule(0, "create", append(create, "--replace")...)
	contains(err, "replaced", " 03:30 (Europe/Berlin)")
	_, err = schedule(2, "create", append(create, "--at", "22:00")...)
	contains(err, "--at has no meaning for a schedule")
	_, err = schedule(2, "create", "another", "--", "true")
	contains(err, "--cron is missing")
	_, err = schedule(2, "create", "--cron", "@daily", "--", "true")
	contains(err, "the schedule's name is missing")
	out, _ = schedule(0, "run", "nightly")
	id := strings.TrimSpace(out)
	s.awaitJob(id, "end", ended)
	if got := s.output("logs", id); got != "sent\n" {
		t.Errorf("its log is %q", got)
	}
	contains(s.output("jobs", "--schedule", "nightly"), id)
	_, err = schedule(0, "pause", "nightly")
	contains(err, "paused")
	out, _ = schedule(0, "show", "nightly")
	contains(out, "status    paused", "cron      30 3 * * * (Europe/Berlin)", "once; 0 so far", "skip; 0 skipped so far", "command   cat input")
	_, err = schedule(0, "resume", "nightly")
	contains(err, "resumed; its next run is at ")
	out, _ = schedule(0, "list")
	contains(out, "nightly", "active", "30 3 * * *")
	schedule(0, "delete", "nightly")
	_, err = schedule(1, "show", "nightly")
	contains(err, "schedule_not_found")
}
