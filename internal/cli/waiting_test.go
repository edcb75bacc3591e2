package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

func TestWhyPending(t *testing.T) {
	t.Parallel()
	worker := func(status errand.WorkerStatus, online bool, jobs, slots int, queue string) api.Worker {
		return api.Worker{Status: status, Online: online, Jobs: make([]string, jobs), Slots: slots, Queues: []string{queue}}
	}
	free := []api.Worker{worker(errand.Busy, true, 1, 2, "q")}
	ahead := func(id, group, queue string, status errand.Status) api.Job {
		return api.Job{ID: id, Group: group, Queue: queue, Status: status}
	}
	for _, tt := range []struct {
		group   string
		earlier []api.Job
		workers []api.Worker
		want    string
	}{
		{"", nil, nil, `because no worker for queue "q" is online`},
		{"", nil, []api.Worker{worker(errand.Idle, false, 0, 1, "q"), worker(errand.Draining, true, 0, 1, "q"), worker(errand.Idle, true, 0, 1, "other")}, `because no worker for queue "q" is online`},
		{"", nil, []api.Worker{worker(errand.Busy, true, 1, 1, "q"), worker(errand.Busy, true, 2, 2, "q")}, `for a free worker: 2 workers for queue "q", all busy`},
		{"", []api.Job{ahead("1", "", "q", errand.Running)}, free, "for a free worker to ask for work"},
		{"g", []api.Job{ahead("2", "g", "other", errand.Running), ahead("1", "g", "q", errand.Completed)}, free, `for another user's job of its group "g", or for a free worker to ask for work`},
		{"g", []api.Job{ahead("1", "g", "q", errand.Running)}, free, `for job 1 of its group "g", which is running`},
		{"g", []api.Job{ahead("2", "g", "q", errand.Pending), ahead("1", "g", "q", errand.Running)}, nil, `for 2 earlier jobs of its group "g"; the first, 1, is running`},
	} {
		job := &api.Job{ID: "9", Queue: "q", Group: tt.group}
		if got, _ := whyPending(job, tt.earlier, tt.workers); got != tt.want {
			t.Errorf("%+v, %+v: %q, want %q", tt.earlier, tt.workers, got, tt.want)
		}
	}
}

// inProcess is a server without a network, for a synctest bubble.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// TestPendingIsExplainedAgain: while a job waits, the reason is looked up less and
// less often, and told when it has changed.
func TestPendingIsExplainedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []time.Duration
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, r *http.Request) {
			wait, _ := time.ParseDuration(r.FormValue("wait") + "s")
			time.Sleep(wait)
			page := api.LogPage{Status: errand.Pending}
			if time.Since(began) > 2*time.Minute {
				page = api.LogPage{Status: errand.Cancelled, Done: true}
			}
			answer(w, http.StatusOK, page)
		})
		mux.HandleFunc("GET /api/jobs/status", func(w http.ResponseWriter, _ *http.Request) {
			asked = append(asked, time.Since(began))
			answer(w, http.StatusOK, api.Job{ID: "9", Queue: "q", Group: "g", Status: errand.Pending})
		})
		mux.HandleFunc("GET /api/jobs", func(w http.ResponseWriter, _ *http.Request) {
			status := errand.Running
			if time.Since(began) > time.Minute {
				status = errand.Completed
			}
			answer(w, http.StatusOK, api.JobList{Jobs: []api.Job{{ID: "1", Queue: "q", Group: "g", Status: status}}})
		})
		mux.HandleFunc("GET /api/workers", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, api.WorkerList{}) })
		var errs bytes.Buffer
		a := newApp(io.Discard, &errs, noEnv)
		client := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: inProcess{mux}}}
		if err := a.newFollower(client, "9", 0, a.printFrame).follow(t.Context()); err != nil {
			t.Error(err)
		}
		want := "errand: job 9 is waiting for job 1 of its group \"g\", which is running\n" +
			"errand: job 9 is waiting because no worker for queue \"q\" is online\n" +
			"errand: hint: start a worker with errand agent, or cancel the job with errand cancel 9\n"
		if errs.String() != want {
			t.Errorf("told %s", errs.String())
		}
		if len(asked) != 6 || asked[0] != 2*time.Second || asked[5]-asked[4] != 30*time.Second {
			t.Errorf("asked at %v", asked)
		}
	})
}
