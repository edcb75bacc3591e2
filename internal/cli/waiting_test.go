package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// inProcess is a server without a network, for a synctest bubble.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// TestPendingIsExplained: while a job waits, the reason is told, and told again when it has
// changed: as soon as a server that holds the request answers, else each 15 seconds.
func TestPendingIsExplained(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		held bool
		want []time.Duration // when it asked
	}{
		"held":     {true, []time.Duration{2 * time.Second, 3 * time.Second, 19 * time.Second, 31 * time.Second, 47 * time.Second}},
		"not held": {false, []time.Duration{2 * time.Second, 17 * time.Second, 32 * time.Second, 47 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testExplained(t, tt.held, tt.want) })
		})
	}
}

func testExplained(t *testing.T, held bool, want []time.Duration) {
	began := time.Now()
	var asked []time.Duration
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, r *http.Request) {
		wait, _ := time.ParseDuration(r.FormValue("wait") + "s")
		time.Sleep(min(wait, time.Minute-time.Since(began)))
		page := api.LogPage{Status: errand.Pending}
		if time.Since(began) >= time.Minute {
			page = api.LogPage{Status: errand.Cancelled, Done: true}
		}
		answer(w, http.StatusOK, page)
	})
	mux.HandleFunc("GET /api/jobs/explain", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, time.Since(began))
		change := began.Add(30 * time.Second)
		wait, _ := time.ParseDuration(r.FormValue("wait") + "s")
		switch r.FormValue("state") {
		case "group":
			wait = min(wait, time.Until(change))
		case "":
			wait = 0
		}
		if held {
			time.Sleep(wait)
		}
		e := errand.Explanation{JobID: "9", Status: errand.Pending, Cause: errand.CauseGroup, State: "group", Sentence: "job 9 waits for job 1", PollIntervalMs: 15000}
		if !time.Now().Before(change) {
			e.Cause, e.State, e.Sentence = errand.CauseNoWorker, "no_worker", "job 9 waits because no worker is online"
		}
		if held {
			e.PollIntervalMs = 1000
		}
		answer(w, http.StatusOK, e)
	})
	var errs bytes.Buffer
	a := newApp(io.Discard, &errs, noEnv)
	client := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: inProcess{mux}}}
	if err := a.newFollower(client, "9", 0, a.printFrame).follow(t.Context()); err != nil {
		t.Error(err)
	}
	text := "errand: job 9 waits for job 1\n" +
		"errand: job 9 waits because no worker is online\n" +
		"errand: hint: start a worker with errand agent, or cancel the job with errand cancel 9\n"
	if errs.String() != text {
		t.Errorf("told %s", errs.String())
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked at %v, want %v", asked, want)
	}
}
