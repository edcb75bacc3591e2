package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// server is a control plane and its storage: real HTTP, and what a test says.
type server struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with each change
	closing chan struct{}

	epoch         int
	registrations []errand.Registration
	queue         []*errand.Assignment // to be given out
	given         map[string]*errand.Assignment
	polls         []string // their IDs
	beats         []errand.Heartbeat
	holds         bool     // heartbeats, as long as there is no order
	held          []string // for how long they asked to be held
	results       []api.SubmitResult
	failures      []api.SubmitFailure
	keys          []string // of chunks, as they came
	objects       map[string][]byte
	sources       map[string][]byte
	artifacts     artifactStorage

	pollWait  int
	bell      *errand.Bell
	heartbeat time.Duration
	// order changes the order that a hold is answered with.
	order func(o *errand.Order)
	// before may answer a request instead: then it says true. It is called
	// with the server unlocked.
	before func(w http.ResponseWriter, r *http.Request) bool
	down   bool          // nothing answers
	waited time.Duration // that syncs are answered with
	// agentLog is the log of an agent that onManual began.
	agentLog lockedBuffer
	// refuse refuses a report, unless it returns nil.
	refuse func(p api.AttemptReport) *api.SyncProblem
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{
		t: t, changed: make(chan struct{}), closing: make(chan struct{}), given: map[string]*errand.Assignment{},
		objects: map[string][]byte{}, sources: map[string][]byte{}, pollWait: 20, heartbeat: 20 * time.Millisecond,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/workers/register", s.register)
	mux.HandleFunc("POST /api/workers/heartbeat", s.beat)
	mux.HandleFunc("POST /api/workers/sync", s.sync)
	mux.HandleFunc("POST /bucket", s.post)
	mux.HandleFunc("GET /bucket/{key}", s.get)
	s.artifacts = artifactStorage{contents: map[string][]byte{}, uploads: map[string]map[int][]byte{}}
	mux.HandleFunc("POST /api/jobs/artifacts", s.signArtifacts)
	mux.HandleFunc("PUT /contents/{sha256}", s.putContent)
	mux.HandleFunc("PUT /contents/{sha256}/{upload}/{part}", s.putPart)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before, down := s.before, s.down
		s.mu.Unlock()
		switch {
		case down:
			drop(w)
		case before == nil || !before(w, r):
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		close(s.closing)
		s.Close()
	})
	return s
}

// drop breaks the connection without an answer.
func drop(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// set changes the server under its lock.
func (s *server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// polled is the poll IDs so far. The server may note one whose agent is gone, so
// tests don't look at polls without the lock.
func (s *server) polled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.polls)
}

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// await waits until cond, called under the lock, is true.
func (s *server) await(what string, cond func() bool) {
	s.t.Helper()
	limit := time.After(patience)
	for {
		ok, changed := s.check(cond)
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// check returns whether cond holds now, and what is closed by the next change.
func (s *server) check(cond func() bool) (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock() // also if cond panics
	return cond(), s.changed
}

// lastBeat is the last heartbeat; the zero one if none has come. The caller holds mu.
func (s *server) lastBeat() errand.Heartbeat {
	if len(s.beats) == 0 {
		return errand.Heartbeat{}
	}
	return s.beats[len(s.beats)-1]
}

func problem(w http.ResponseWriter, code errand.Code) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code.Status())
	_ = json.NewEncoder(w).Encode(api.Problem{Code: code, Status: code.Status(), Detail: "the test says so"})
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// read decodes a request as strictly as the real server.
func (s *server) read(r *http.Request, token string, v any) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+token {
		s.t.Errorf("%s came with %q", r.URL.Path, got)
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		s.t.Errorf("%s: %v", r.URL.Path, err)
	}
}

const agentToken = "era_the-agents-own-token"

func (s *server) workerToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.registrations) == 0 {
		return "none"
	}
	return s.registrations[0].Token
}

func (s *server) register(w http.ResponseWriter, r *http.Request) {
	var reg errand.Registration
	s.read(r, agentToken, &reg)
	s.set(func() {
		s.epoch++
		s.registrations = append(s.registrations, reg)
		answer(w, errand.Registered{
			WorkerID: reg.WorkerID, Epoch: s.epoch, Queues: []string{"default"}, HeartbeatMs: s.heartbeat.Milliseconds(),
			PollWait: s.pollWait, PollIntervalMs: 10, Bell: s.bell,
		})
	})
}

func (s *server) beat(w http.ResponseWriter, r *http.Request) {
	var h errand.Heartbeat
	s.read(r, s.workerToken(), &h)
	if s.holds && r.URL.Query().Has("wait") {
		s.hold(r, h.Holds)
	}
	s.set(func() {
		if h.Epoch != s.epoch {
			problem(w, errand.CodeSuperseded)
			return
		}
		s.beats = append(s.beats, h)
		out := errand.HeartbeatAnswer{IntervalMs: s.heartbeat.Milliseconds(), Bell: s.bell, Orders: []errand.Order{}}
		for _, hold := range h.Holds {
			o := errand.Order{JobID: hold.JobID, Attempt: hold.Attempt, Order: errand.OrderContinue, LeaseSeconds: 60}
			if hold.RenewWrites {
				g := s.grant(hold.JobID, hold.Attempt)
				o.Write = &g
			}
			if s.order != nil {
				s.order(&o)
			}
			out.Orders = append(out.Orders, o)
		}
		answer(w, out)
	})
}

// hold waits until the server has an order, or the agent doesn't wait any more. An
// attempt's first heartbeat must not ask for that.
func (s *server) hold(r *http.Request, holds []errand.Hold) {
	s.set(func() {
		s.held = append(s.held, r.URL.Query().Get("wait"))
		for _, h := range holds {
			if !slices.ContainsFunc(s.beats, func(b errand.Heartbeat) bool {
				return slices.ContainsFunc(b.Holds, func(o errand.Hold) bool { return o.JobID == h.JobID && o.Attempt == h.Attempt })
			}) {
				s.t.Errorf("the first heartbeat of job %s asks to be held", h.JobID)
			}
		}
	})
	for {
		s.mu.Lock()
		ok, changed := s.order != nil, s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
	}
}

// grant is a write grant for an attempt; its one field is checked on the way back.
func (s *server) grant(job string, attempt int) errand.WriteGrant {
	return errand.WriteGrant{
		URL: s.URL + "/bucket", Fields: map[string]string{"policy": "signed"}, LogPrefix: errand.LogPrefix(job, attempt),
		MaxBytes: errand.MaxLogChunkBytes, ExpiresSeconds: 1800,
	}
}

// sync takes reports and gives assignments. Each test sees them as the calls that they
// are: reports in results and failures, questions in polls.
func (s *server) sync(w http.ResponseWriter, r *http.Request) {
	var in api.Sync
	s.read(r, s.workerToken(), &in)
	out := api.Synced{Reports: []api.ReportAnswer{}, Attempts: []*errand.Assignment{}, WaitedMs: s.waited.Milliseconds()}
	s.set(func() {
		for _, p := range in.Reports {
			out.Reports = append(out.Reports, s.take(in, p))
		}
		if in.PollID != "" {
			s.polls = append(s.polls, in.PollID)
		}
	})
	for in.PollID != "" {
		s.mu.Lock()
		a, changed := s.assign(in.PollID), s.changed
		s.mu.Unlock()
		if a != nil {
			out.Attempts = append(out.Attempts, a)
			break
		}
		if wait := r.URL.Query().Get("wait"); wait == "0" {
			break
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
	}
	answer(w, out)
}

// syncOf reads the body of a sync, and leaves it to be read again.
func syncOf(r *http.Request) (in api.Sync) {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	_ = json.Unmarshal(b, &in)
	return in
}

// reports tells whether a request reports an attempt.
func reports(r *http.Request) bool {
	return r.URL.Path == "/api/workers/sync" && len(syncOf(r).Reports) > 0
}

func (s *server) take(in api.Sync, p api.AttemptReport) api.ReportAnswer {
	if p.Result != nil {
		s.results = append(s.results, api.SubmitResult{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: p.JobID, Attempt: p.Attempt, Result: *p.Result})
	} else {
		s.failures = append(s.failures, api.SubmitFailure{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: p.JobID, Attempt: p.Attempt, Failure: *p.Failure})
	}
	a := api.ReportAnswer{JobID: p.JobID, Attempt: p.Attempt, Status: errand.Completed}
	if s.refuse != nil {
		a.Problem = s.refuse(p)
	}
	return a
}

// assign gives the next assignment; the same again for the same poll.
func (s *server) assign(pollID string) *errand.Assignment {
	if a := s.given[pollID]; a != nil {
		return a
	}
	if len(s.queue) == 0 {
		return nil
	}
	a := s.queue[0]
	s.queue = s.queue[1:]
	s.given[pollID] = a
	return a
}

// post takes a chunk as S3 does: fields first, then the key, then the file.
func (s *server) post(w http.ResponseWriter, r *http.Request) {
	mr, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var names []string
	var key string
	var data []byte
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			names = append(names, part.FormName())
			key, data, err = readPart(part, key, data)
		}
		if err != nil { // broken off: nothing is kept
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	if got := strings.Join(names, " "); got != "policy key file" {
		s.t.Errorf("form fields %q", got)
	}
	s.set(func() {
		if old, ok := s.objects[key]; ok && !bytes.Equal(old, data) {
			s.t.Errorf("chunk %s was sent again with other bytes: who has read it misses some", key)
		}
		s.keys = append(s.keys, key)
		s.objects[key] = data
	})
	w.WriteHeader(http.StatusNoContent)
}

func readPart(p *multipart.Part, key string, data []byte) (string, []byte, error) {
	b, err := io.ReadAll(p)
	switch p.FormName() {
	case "key":
		key = string(b)
	case "file":
		data = b
	}
	return key, data, err
}

func (s *server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	b, ok := s.sources[r.PathValue("key")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// log puts an attempt's log together from its chunks and the result's tail.
func (s *server) log(job string, attempt int, l errand.Log) (all []byte, frames []errand.Frame) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for int64(len(all)) < l.TailOffset {
		chunk, ok := s.objects[errand.LogChunkKey(job, attempt, int64(len(all)))]
		if !ok {
			s.t.Fatalf("no chunk begins at byte %d; there are %q", len(all), s.keys)
		}
		all, frames = s.addFrames(all, frames, chunk)
	}
	return s.addFrames(all, frames, l.Tail)
}

func (s *server) addFrames(all []byte, frames []errand.Frame, b []byte) ([]byte, []errand.Frame) {
	s.t.Helper()
	more, err := errand.ParseFrames(b)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range more {
		if f.Offset != int64(len(all)) {
			s.t.Fatalf("a frame begins at %d, want %d", f.Offset, len(all))
		}
		all = append(all, f.Data...)
	}
	return all, append(frames, more...)
}
