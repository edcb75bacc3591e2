package cli

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestProgress: a follower tells what becomes of a job's attempts, each thing once, and
// the output before what ended it.
func TestProgress(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.Local)
	one := errand.JobAttempt{Attempt: 1, WorkerID: "w-1", WorkerName: "box-1", StartedAt: at}
	oneEnded := one
	oneEnded.EndedAt, oneEnded.Reason, oneEnded.Error = at.Add(12*time.Second), "agent_restarted", "the agent was started again"
	two := errand.JobAttempt{Attempt: 3, WorkerID: "w-2", StartedAt: at}
	twoEnded := two
	twoEnded.EndedAt = at.Add(time.Minute)
	silence := &errand.Silence{Seconds: 24, LeaseEndsAt: at.Add(200 * time.Second)}
	output := func(text string, offset int64) []api.LogFrame {
		return []api.LogFrame{{Stream: "stderr", Offset: offset, Data: []byte(text)}}
	}
	pages := []api.LogPage{
		{State: "a", Status: errand.Running, Attempt: 1, Attempts: []errand.JobAttempt{one}, Frames: output("a\n", 0), Next: 2},
		{State: "b", Status: errand.Running, Attempt: 1, Attempts: []errand.JobAttempt{one}, Silence: silence, Next: 2},
		{State: "a", Status: errand.Running, Attempt: 1, Attempts: []errand.JobAttempt{one}, Next: 2},
		{State: "c", Status: errand.Pending, Attempt: 1, Attempts: []errand.JobAttempt{oneEnded}, Frames: output("b\n", 2), Next: 4},
		{State: "c", Status: errand.Pending, Attempt: 1, Attempts: []errand.JobAttempt{oneEnded}, Next: 4},
		{State: "c", Status: errand.Pending, Attempt: 1, Attempts: []errand.JobAttempt{oneEnded}, Next: 4},
		{State: "a", Status: errand.Running, Attempt: 1, Attempts: []errand.JobAttempt{one}, Next: 4},
		{State: "c", Status: errand.Pending, Attempt: 1, Attempts: []errand.JobAttempt{oneEnded}, Next: 4},
		{State: "d", Status: errand.Running, Attempt: 1, Attempts: []errand.JobAttempt{oneEnded, two}, Next: 4, Done: true},
		{State: "d", Status: errand.Running, Attempt: 3, Attempts: []errand.JobAttempt{oneEnded, two}, Silence: &errand.Silence{Seconds: 90, LeaseEndsAt: at.Add(200 * time.Second), WillRetry: true}},
		{State: "e", Status: errand.Completed, Attempt: 3, Attempts: []errand.JobAttempt{oneEnded, twoEnded}, Frames: output("c\n", 0), Next: 2, Done: true},
	}
	wantStates := []string{"", "a", "b", "a", "a", "c", "c", "a", "c", "d", "d"}
	const want = `a
errand: worker box-1 has not been heard from for 24s; the job is given up at 10:03:20
errand: worker box-1 was heard from again
b
errand: attempt 1 on worker box-1 ended after 12s: agent_restarted: the agent was started again
errand: job 9 waits because no worker is online
errand: hint: start a worker with errand agent, or cancel the job with errand cancel 9
errand: attempt 1 goes on: worker box-1 was heard from again
errand: job 9 is running on worker box-1
errand: attempt 1 on worker box-1 ended after 12s: agent_restarted: the agent was started again
errand: attempt 3 started on worker w-2
errand: worker w-2 has not been heard from for 1m30s; the job is given to another worker at 10:03:20
c
`
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, r *http.Request) {
			if state := r.FormValue("state"); state != wantStates[0] {
				t.Errorf("asked with state %q, want %q; %d pages left", state, wantStates[0], len(pages))
			}
			answer(w, http.StatusOK, pages[0])
			pages, wantStates = pages[1:], wantStates[1:]
		})
		mux.HandleFunc("GET /api/jobs/explain", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, errand.Explanation{JobID: "9", Status: errand.Pending, Cause: errand.CauseNoWorker, State: "s", Sentence: "job 9 waits because no worker is online"})
		})
		var errs bytes.Buffer
		a := newApp(io.Discard, &errs, noEnv)
		client := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: inProcess{mux}}}
		if err := a.newFollower(client, "9", 0, a.printFrame).follow(t.Context()); err != nil {
			t.Error(err)
		}
		if errs.String() != want {
			t.Errorf("told\n%swant\n%s", errs.String(), want)
		}
	})
}

// TestProgressOfQuickAttempts: an attempt that ended before a follower asked for the first
// time is told before the output of the next.
func TestProgressOfQuickAttempts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.Local)
	first := errand.JobAttempt{Attempt: 1, WorkerID: "w-1", StartedAt: at, EndedAt: at.Add(time.Second), Reason: errand.ReasonExitCode, Error: "exit code 75"}
	second := errand.JobAttempt{Attempt: 2, WorkerID: "w-1", StartedAt: at, EndedAt: at.Add(time.Second)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, api.LogPage{
			Status: errand.Completed, Attempt: 2, Attempts: []errand.JobAttempt{first, second},
			Frames: []api.LogFrame{{Stream: "stderr", Data: []byte("again\n")}}, Next: 6, Done: true,
		})
	})
	var errs bytes.Buffer
	a := newApp(io.Discard, &errs, noEnv)
	client := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: inProcess{mux}}}
	if err := a.newFollower(client, "9", 0, a.printFrame).follow(t.Context()); err != nil {
		t.Error(err)
	}
	if want := "errand: attempt 1 on worker w-1 ended after 1s: exit_code: exit code 75\nagain\n"; errs.String() != want {
		t.Errorf("told\n%swant\n%s", &errs, want)
	}
}

func TestShowAttempts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	job := api.Job{
		ID: "9", Status: errand.Running, Queue: "q", Attempt: 3, Try: 2, MaxAttempts: 2, WorkerID: "w-2", WorkerName: "box-2", CreatedAt: at, StartedAt: &at,
		Attempts: []errand.JobAttempt{
			{Attempt: 1, WorkerID: "w-1", StartedAt: at, EndedAt: at.Add(time.Minute), Reason: errand.ReasonLost, Error: "no sign of life"},
			{Attempt: 3, WorkerID: "w-2", WorkerName: "box-2", StartedAt: at.Add(time.Hour)},
		},
		Silence: &errand.Silence{Seconds: 24, LeaseEndsAt: time.Date(2026, 1, 2, 11, 5, 0, 0, time.Local)},
	}
	var out bytes.Buffer
	if err := newApp(&out, io.Discard, noEnv).showJob(&job, ""); err != nil {
		t.Fatal(err)
	}
	const want = `id:        9
status:    running
queue:     q
worker:    box-2 (w-2)
attempt:   2 of 2
silence:   worker box-2 has not been heard from for 24s; the job is given up at 11:05:00
created:   2026-01-02T10:00:00Z
started:   2026-01-02T10:00:00Z

ATTEMPT  WORKER  STARTED               ENDED                 WHY
1        w-1     2026-01-02T10:00:00Z  2026-01-02T10:01:00Z  lost: no sign of life
3        box-2   2026-01-02T11:00:00Z  -                     -

#  EXIT  TOOK  COMMAND
`
	if out.String() != want {
		t.Errorf("shown\n%swant\n%s", out.String(), want)
	}
}
