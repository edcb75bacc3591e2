package flow

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/setup"
)

// TestJobLog: each change of a job's state leaves one line, and nothing else does.
func TestJobLog(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	var log bytes.Buffer
	w.svc.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	k := w.worker("a")
	want := func(lines ...string) {
		t.Helper()
		if diff := cmp.Diff(strings.Join(lines, "\n"), strings.TrimSpace(log.String())); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		log.Reset()
	}

	job := w.create(attempts(2))
	id := "job=" + job.Spec.ID
	want(`level=INFO msg="job created" ` + id + ` status=pending`)
	a := k.take(true)
	want(`level=INFO msg="job assigned" ` + id + ` status=running worker=worker-a attempt=1`)
	k.beat(a)
	k.beat(a)
	want("")
	if _, err := k.fail(a, errand.ReasonWorkerStopped); err != nil {
		t.Fatal(err)
	}
	want(`level=INFO msg="job returned to its queue" ` + id + ` status=pending worker=worker-a attempt=1`)
	a = k.take(true)
	want(`level=INFO msg="job assigned" ` + id + ` status=running worker=worker-a attempt=2`)
	for range 2 {
		if _, err := w.svc.Cancel(w.ctx, w.user, job.Spec.ID); err != nil {
			t.Fatal(err)
		}
	}
	want(`level=INFO msg="job cancellation requested" ` + id + ` status=running worker=worker-a attempt=2`)
	for range 2 {
		if _, err := k.submit(a, 7); err != nil {
			t.Fatal(err)
		}
	}
	want(`level=INFO msg="job completed" ` + id + ` status=completed worker=worker-a attempt=2 exit=7`)

	id = "job=" + w.create().Spec.ID
	k.beat(k.take(true))
	log.Reset()
	w.clock.Advance(6 * time.Minute)
	for range 2 {
		if _, err := setup.Sweep(w.svc)(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
	want(`level=INFO msg="job failed" `+id+` status=failed worker=worker-a attempt=1 reason=lost`,
		`level=INFO msg=sweep looked=1 resent=0 lost=1 cancelled=0 expired=0 scheduled=0`)
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
