package cli

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestFollowerWaits: a follower says what the page before said of the next chunk, and waits
// for as long as the server says, also after output.
func TestFollowerWaits(t *testing.T) {
	t.Parallel()
	const half = 500
	output := []api.LogFrame{{Stream: "stdout", Data: []byte("a")}}
	running := api.LogPage{State: "a", Status: errand.Running, Attempt: 1, Next: 20, Chunk: 20, PollIntervalMs: half}
	withOutput, full, older := running, running, running
	withOutput.Frames = output
	full.Frames, full.Next, full.Chunk, full.PollIntervalMs = output, 30, 25, 0
	older.Next, older.Chunk, older.PollIntervalMs = 30, 0, 0
	pages := []api.LogPage{running, withOutput, full, older, {State: "a", Status: errand.Completed, Attempt: 1, Done: true}}
	want := []string{
		"0s jobId=9&offset=0&wait=2",
		"500ms attempt=1&chunk=20&jobId=9&offset=20&state=a&wait=20",
		"1s attempt=1&chunk=20&jobId=9&offset=20&state=a&wait=20",
		"1s attempt=1&chunk=25&jobId=9&offset=30&state=a&wait=20",
		"2s attempt=1&jobId=9&offset=30&state=a&wait=20",
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []string
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/jobs/logs", func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, time.Since(began).String()+" "+r.URL.RawQuery)
			answer(w, http.StatusOK, pages[0])
			pages = pages[1:]
		})
		client := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: inProcess{mux}}}
		a := newApp(io.Discard, io.Discard, noEnv)
		if err := a.newFollower(client, "9", 0, a.printFrame).follow(t.Context()); err != nil {
			t.Error(err)
		}
		if !slices.Equal(asked, want) {
			t.Errorf("asked\n%q, want\n%q", asked, want)
		}
	})
}
