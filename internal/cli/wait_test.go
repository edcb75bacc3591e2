package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// TestCancelOutlivesTheSecondCtrlC: the request to cancel is on its way when
// the second Ctrl-C comes, and isn't taken back by it.
func TestCancelOutlivesTheSecondCtrlC(t *testing.T) {
	t.Parallel()
	fake := newFakeServer(t)
	a := newApp(io.Discard, io.Discard, noEnv)
	second, interrupt := context.WithCancelCause(t.Context())
	interrupt(terminal.ErrInterrupted)
	a.requestCancel(second, newClient(fake.URL, fakeToken), "01JFAKE0000000000000000000", "")
	fake.mu.Lock()
	defer fake.mu.Unlock()
	if n := fake.calls["/api/jobs/cancel"]; n != 1 {
		t.Errorf("%d requests to cancel, want 1", n)
	}
}

// TestPresumedLostRunsOn: a job whose log ended because its worker was presumed
// lost, and which then turns out to run, is followed to its true end.
func TestPresumedLostRunsOn(t *testing.T) {
	t.Parallel()
	pages := []api.LogPage{
		{Attempt: 1, Next: 1, Frames: []api.LogFrame{{Stream: "stdout", Data: []byte("a")}}, Done: true, Status: errand.Failed},
		{Attempt: 1, Next: 2, Frames: []api.LogFrame{{Stream: "stdout", Offset: 1, Data: []byte("b")}}, Done: true, Status: errand.Completed},
	}
	code := 3
	jobs := []api.Job{{ID: "j", Status: errand.Running}, {ID: "j", Status: errand.Completed, ExitCode: &code}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, r *http.Request) {
		if want := map[int]string{2: "0", 1: "1"}[len(pages)]; r.FormValue("offset") != want {
			t.Errorf("offset %s, want %s", r.FormValue("offset"), want)
		}
		answer(w, http.StatusOK, pages[0])
		pages = pages[1:]
	})
	mux.HandleFunc("GET /api/jobs/status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, jobs[0])
		jobs = jobs[1:]
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	var out bytes.Buffer
	a := newApp(&out, io.Discard, noEnv)
	err := a.waitForJob(t.Context(), t.Context(), newClient(server.URL, fakeToken), "j", a.printFrame, outputFlags{})
	var exit *terminal.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || out.String() != "ab" {
		t.Errorf("%v, output %q", err, &out)
	}
}

// TestCancelWhileOutputIsHeldUp: Ctrl-C cancels a job whose output nobody reads.
func TestCancelWhileOutputIsHeldUp(t *testing.T) {
	t.Parallel()
	fake := newFakeServer(t)
	stdout, unblock := io.Pipe()
	var errs lockedBuffer
	a := newApp(unblock, &errs, noEnv)
	c := newClient(fake.URL, fakeToken)
	job, err := c.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "x"}}, Env: map[string]string{"HANG": "1"}}, "key")
	if err != nil {
		t.Fatal(err)
	}
	first, interrupt := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.waitForJob(first, t.Context(), c, job.ID, a.printFrame, outputFlags{}) }()
	one := make([]byte, 1)
	if _, err := stdout.Read(one); err != nil { // the rest of the write is held up
		t.Fatal(err)
	}
	interrupt(terminal.ErrInterrupted)
	if !fake.wait(t.Context().Done(), func() bool { return fake.find(job.ID).Status == errand.Cancelled }) {
		t.Fatal("the job was not cancelled")
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	var exit *terminal.ExitError
	if err := <-done; !errors.As(err, &exit) || exit.Code != terminal.ExitCancelled {
		t.Errorf("%v\n%s", err, errs.String())
	}
}
