package flow

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
)

// startAgent runs a real agent until the test ends. It has the stack's clock, so
// that nothing happens because time passed.
func (d *deployed) startAgent(t *testing.T, transport http.RoundTripper) {
	t.Helper()
	c := *d.client(t, errand.RoleAgent)
	c.HTTP = &http.Client{Transport: transport}
	config := agent.Config{
		Client: &c, HTTP: c.HTTP, DataDir: t.TempDir(), Name: "host",
		Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if d.clock != nil {
		config.Clock = d.clock
	}
	a, err := agent.New(config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(context.Background()) }() // until Cancel: the test's context ends before that
	t.Cleanup(func() {
		a.Cancel()
		if err := <-done; err != nil {
			t.Errorf("the agent: %v", err)
		}
	})
}

// watched counts requests by path, and reports when one is in progress.
type watched struct {
	next http.RoundTripper
	path string
	seen chan struct{} // a value for each request for path
	n    atomic.Int64  // for all others
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, w.path) {
		w.seen <- struct{}{}
	} else {
		w.n.Add(1)
	}
	return w.next.RoundTrip(r)
}

func (d *deployed) awaitEnd(t *testing.T, user *api.Client, id string) api.Job {
	t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		job, err := user.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if job.Status.Terminal() {
			return job
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("job %s is %s", id, job.Status)
		}
	}
}

// TestBell: a real agent that waits at the bell gets a job although no time passes:
// no timer of the agent or the stack fires. (If the functions are processes, time
// passes, but the agent would poll only after minutes.)
func TestBell(t *testing.T) {
	d := deploy(t, deployOptions{manual: !isolated()})
	user := d.client(t, errand.RoleUser)
	w := &watched{next: http.DefaultTransport, path: "/bell/", seen: make(chan struct{}, 100)}
	d.startAgent(t, w)
	for range 3 {
		<-w.seen
		job, err := user.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if end := d.awaitEnd(t, user, job.ID); end.Status != errand.Completed || end.Attempt != 1 {
			t.Errorf("job %+v", end)
		}
	}
	if u := d.stack.Usage(); u["sqs.SendMessage"].Calls != 6 || u["sqs.ReceiveMessage"].Calls < 3 {
		t.Errorf("usage %+v", u)
	}
}

// TestBellLost: a lost ring costs only latency: the agent polls at the server's
// interval.
func TestBellLost(t *testing.T) {
	lost := func(function string, next http.RoundTripper) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) {
			if function == "jobs-create" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "SendMessage") && strings.Contains(bodyOf(r), "DefaultBell") {
				return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			}
			return next.RoundTrip(r)
		})
	}
	d := deploy(t, deployOptions{manual: true, wrap: lost})
	user := d.client(t, errand.RoleUser)
	w := &watched{next: http.DefaultTransport, path: "/bell/", seen: make(chan struct{}, 1000)}
	d.startAgent(t, w)
	<-w.seen
	job, err := user.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := user.Job(t.Context(), job.ID); err != nil || got.Status != errand.Pending {
		t.Fatalf("%+v, %v", got, err)
	}
	d.clock.Advance(errand.DefaultTiming().BellPoll)
	if end := d.awaitEnd(t, user, job.ID); end.Status != errand.Completed {
		t.Errorf("job %+v", end)
	}
}

// TestBellIsAnnounced: registration and heartbeats return the bell's URL. A server
// that holds polls returns none, and never rings it.
func TestBellIsAnnounced(t *testing.T) {
	d := deploy(t, deployOptions{})
	reg, err := d.client(t, errand.RoleAgent).Register(t.Context(), errand.Registration{})
	if err != nil {
		t.Fatal(err)
	}
	worker := &api.Client{BaseURL: d.srv.URL, Token: reg.Token}
	beat, err := worker.Heartbeat(t.Context(), errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*errand.Bell{reg.Bell, beat.Bell} {
		if b == nil || len(b.URLs) != 1 || b.URLs[0] != "/bell/default" || b.PollIntervalMs != 600_000 {
			t.Errorf("bell %+v", b)
		}
	}
	if beat.IntervalMs != 240_000 {
		t.Errorf("an idle worker is told to be heard of in %d ms", beat.IntervalMs)
	}
	held := deploy(t, deployOptions{parameters: map[string]string{"PollWait": "20s"}})
	if reg, err = held.client(t, errand.RoleAgent).Register(t.Context(), errand.Registration{}); err != nil || reg.Bell != nil {
		t.Errorf("bell %+v, %v", reg.Bell, err)
	}
	if _, err := held.client(t, errand.RoleUser).CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, ""); err != nil {
		t.Fatal(err)
	}
	if n := held.stack.Usage()["sqs.SendMessage"].Calls; n != 1 {
		t.Errorf("%d messages, want the ticket alone", n)
	}
}

// TestBellForTheNextOfItsGroup: a worker with several slots may wait at the bell
// while it runs a job of a group. The end of that job rings for the next one. A
// repeated report rings again, because the first ring may be lost.
func TestBellForTheNextOfItsGroup(t *testing.T) {
	for slots, want := range map[int]int64{1: 0, 2: 2} {
		d := deploy(t, deployOptions{})
		user := d.client(t, errand.RoleUser)
		reg, err := d.client(t, errand.RoleAgent).Register(t.Context(), errand.Registration{Slots: slots})
		if err != nil {
			t.Fatal(err)
		}
		worker := &api.Client{BaseURL: d.srv.URL, Token: reg.Token}
		for range 2 {
			if _, err := user.CreateJob(t.Context(), api.CreateJob{Group: "deploy", Commands: []errand.Command{{Shell: "true"}}}, ""); err != nil {
				t.Fatal(err)
			}
		}
		a, err := worker.GetJob(t.Context(), reg.WorkerID, reg.Epoch, "poll-of-the-test-1", 0)
		if err != nil || a == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		before := d.stack.Usage()["sqs.SendMessage"].Calls
		report := api.SubmitResult{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt}
		for range 2 {
			if _, err := worker.SubmitResult(t.Context(), report); err != nil {
				t.Fatal(err)
			}
		}
		if rings := d.stack.Usage()["sqs.SendMessage"].Calls - before; rings != want {
			t.Errorf("%d slots: %d rings, want %d", slots, rings, want)
		}
	}
}
