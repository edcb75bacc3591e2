package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/manifest"
)

const fakeToken = "eru_fake-token-of-the-scripts-0123456789"

// fakeServer is a server for the client commands: jobs do what their environment
// says (see fakeJob.play) the moment they are created, and calls can be made to fail.
type fakeServer struct {
	*httptest.Server
	mu      sync.Mutex
	changed chan struct{} // closed and made anew at each change
	jobs    []*fakeJob    // oldest first
	keys    map[string]*fakeJob
	uploads map[string][]byte
	workers []api.Worker
	planned []api.Schedule
	faults  map[string]int // path → how many calls of it still fail
	calls   map[string]int
	waiting int // questions for the log that are held
}

type fakeJob struct {
	api.Job
	frames  [][]api.LogFrame // per attempt
	watched bool
	reached int // attempts whose log was read to its end
}

func newFakeServer(t testing.TB) *fakeServer {
	f := &fakeServer{
		changed: make(chan struct{}), keys: map[string]*fakeJob{}, uploads: map[string][]byte{},
		faults: map[string]int{}, calls: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/queues", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, api.QueueList{Queues: []api.Queue{{Name: "default"}, {Name: "linux"}, {Name: "gpu"}}})
	})
	mux.HandleFunc("POST /api/queues", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, errand.CodeForbidden, "POST /api/queues needs an admin's token")
	})
	mux.HandleFunc("GET /api/schedules", f.listSchedules)
	mux.HandleFunc("POST /api/schedules", func(w http.ResponseWriter, r *http.Request) {
		var in api.CreateSchedule
		_ = json.NewDecoder(r.Body).Decode(&in)
		f.mu.Lock()
		defer f.mu.Unlock()
		next := time.Date(2026, 12, 1, 2, 30, 0, 0, time.UTC)
		f.planned = append(f.planned, api.Schedule{Name: in.Name, Cron: in.Cron, TimeZone: in.TimeZone, Status: errand.ScheduleActive, Job: in.Job, NextRunAt: &next})
		answer(w, 201, f.planned[len(f.planned)-1])
	})
	mux.HandleFunc("POST /api/session/code", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, api.SessionCode{Code: "erc_once", ExpiresIn: 60, Page: "/"})
	})
	mux.HandleFunc("POST /api/uploads", f.createUpload)
	mux.HandleFunc("POST /api/uploads/batch", f.createUploads)
	mux.HandleFunc("PUT /store/{hash}", f.store)
	mux.HandleFunc("POST /api/jobs/create", f.createJob)
	mux.HandleFunc("GET /api/jobs", f.listJobs)
	mux.HandleFunc("GET /api/jobs/status", func(w http.ResponseWriter, r *http.Request) { f.withJob(w, r.FormValue("jobId"), func(*fakeJob) {}) })
	mux.HandleFunc("GET /api/jobs/explain", f.explain)
	mux.HandleFunc("POST /api/jobs/cancel", f.cancel)
	mux.HandleFunc("GET /api/jobs/logs", f.logs)
	mux.HandleFunc("GET /api/workers", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, api.WorkerList{Workers: f.workers}) })
	f.Server = httptest.NewUnstartedServer(f.guard(mux)) // its URL is read by handlers
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// explain says of each job that there is no worker for it.
func (f *fakeServer) explain(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.ID != r.FormValue("jobId") {
			continue
		}
		e := errand.Explanation{JobID: j.ID, Status: j.Status, Cause: errand.CauseNoWorker, Workers: &errand.WorkersForJob{}, PollIntervalMs: 15000}
		if len(j.Requires) > 0 {
			e.Cause, e.Workers = errand.CauseUnsuitable, &errand.WorkersForJob{Online: 2, Lacking: []string{"gpu=h200"}}
		}
		if j.CancelRequested {
			e.Cause, e.HeartbeatMs, e.LastAttempt = errand.CauseCancelling, 10_000, &errand.JobAttempt{WorkerName: "box"}
		}
		e.Finish(time.Now(), "default")
		answer(w, http.StatusOK, e)
		return
	}
	problem(w, errand.CodeJobNotFound, "there is no job")
}

// guard checks the token and makes calls fail: half of them without an answer
// after they were applied.
func (f *fakeServer) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isStore := len(r.URL.Path) > 7 && r.URL.Path[:7] == "/store/"
		if !isStore && r.Header.Get("Authorization") != "Bearer "+fakeToken {
			problem(w, errand.CodeUnauthenticated, "the bearer token is not known")
			return
		}
		w.Header().Set("Errand-Version", "0.1.9")
		path := r.URL.Path
		if isStore {
			path = "/store"
		}
		var left int
		f.change(func() {
			f.calls[path]++
			if left = f.faults[path]; left > 0 {
				f.faults[path]--
			}
		})
		switch {
		case left == 0:
			next.ServeHTTP(w, r)
		case left%2 == 0:
			problem(w, errand.CodeUnavailable, "a service we need isn't there")
		default:
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func problem(w http.ResponseWriter, code errand.Code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code.Status())
	_ = json.NewEncoder(w).Encode(api.Problem{Status: code.Status(), Code: code, Detail: detail, RequestID: "r1"})
}

func (f *fakeServer) change(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
	close(f.changed)
	f.changed = make(chan struct{})
}

// wait waits until cond holds.
func (f *fakeServer) wait(done <-chan struct{}, cond func() bool) bool {
	for {
		f.mu.Lock()
		ok, changed := cond(), f.changed
		f.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-done:
			return false
		}
	}
}

func (f *fakeServer) createUpload(w http.ResponseWriter, r *http.Request) {
	var u errand.UploadRequest
	_ = json.NewDecoder(r.Body).Decode(&u)
	if u.Filename == "held.zip" {
		f.change(func() { f.calls["held"]++ })
		<-r.Context().Done()
		return
	}
	answer(w, 200, f.upload(u))
}

func (f *fakeServer) createUploads(w http.ResponseWriter, r *http.Request) {
	var b errand.UploadBatch
	_ = json.NewDecoder(r.Body).Decode(&b)
	if b.Uploads[0].Filename == "held" {
		f.change(func() { f.calls["held"]++ })
		<-r.Context().Done()
		return
	}
	var out errand.Uploads
	for _, u := range b.Uploads {
		out.Uploads = append(out.Uploads, f.upload(u))
	}
	answer(w, 200, out)
}

func (f *fakeServer) upload(u errand.UploadRequest) errand.Upload {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, exists := f.uploads[u.SHA256]
	out := errand.Upload{SHA256: u.SHA256, Exists: exists}
	if !exists {
		out.Put = &errand.SignedRequest{
			Method: "PUT", URL: f.URL + "/store/" + u.SHA256,
			Header: map[string]string{"X-Checksum": u.SHA256, "Content-Length": strconv.FormatInt(u.Size, 10)},
		}
	}
	return out
}

func (f *fakeServer) store(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	if err != nil || hash != r.PathValue("hash") || hash != r.Header.Get("X-Checksum") || r.ContentLength != int64(len(b)) || r.Header.Get("Authorization") != "" {
		http.Error(w, "these are not the bytes", http.StatusBadRequest)
		return
	}
	f.change(func() { f.uploads[hash] = b })
}

func (f *fakeServer) createJob(w http.ResponseWriter, r *http.Request) {
	var c api.CreateJob
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		problem(w, errand.CodeMalformed, err.Error())
		return
	}
	if c.Env["REFUSE"] != "" {
		problem(w, errand.CodeInvalidField, c.Env["REFUSE"])
		return
	}
	if c.Queue == "nowhere" {
		problem(w, errand.CodeInvalidField, `there is no queue "nowhere" on this server`)
		return
	}
	f.mu.Lock()
	isGone := c.Source != nil && f.uploads[c.Source.SHA256] == nil
	f.mu.Unlock()
	if isGone {
		problem(w, errand.CodeSourceNotFound, "no recent upload has this SHA-256")
		return
	}
	f.change(func() {
		key := r.Header.Get("Idempotency-Key")
		j := f.keys[key]
		if j == nil {
			j = newFakeJob(c, len(f.jobs))
			f.jobs = append(f.jobs, j)
			f.keys[key] = j
		}
		answer(w, 200, j.Job)
	})
}

func newFakeJob(c api.CreateJob, n int) *fakeJob {
	created := time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC)
	j := &fakeJob{Job: api.Job{
		ID: fmt.Sprintf("01JFAKE%019d", n), Status: errand.Pending, Name: c.Name, Owner: "local", Queue: c.Queue, Group: c.Group,
		Commands: c.Commands, Source: c.Source, Env: c.Env, Shell: c.Shell, Requires: c.Requires, Workspace: c.Workspace, MaxAttempts: c.MaxAttempts, RetryOnExit: c.RetryOnExit, TimeoutSeconds: c.TimeoutSeconds,
		LeaseSeconds: c.LeaseSeconds, ContinueOnError: c.ContinueOnError, Terminal: c.Terminal, After: c.After, CreatedAt: created,
	}}
	if j.Queue == "" {
		j.Queue = "default"
	}
	if c.Env["PENDING"] == "" {
		j.play()
	}
	return j
}

// play runs the job: EXIT is the exit code of the last command; FAIL fails it
// for that reason; HANG leaves it running; ATTEMPTS is how many it takes; MORE is what it
// prints at the end.
func (j *fakeJob) play() {
	attempts, _ := strconv.Atoi(j.Env["ATTEMPTS"])
	started := j.CreatedAt.Add(time.Second)
	finished := started.Add(2500 * time.Millisecond)
	j.Attempt, j.StartedAt, j.Status, j.WorkerID = max(attempts, 1), &started, errand.Running, "worker-1"
	for range j.Attempt {
		j.frames = append(j.frames, j.output())
	}
	if j.Env["HANG"] != "" {
		return
	}
	j.FinishedAt = &finished
	if reason := j.Env["FAIL"]; reason != "" {
		j.Status, j.Reason, j.Error = errand.Failed, errand.Reason(reason), "it went wrong"
		if j.Reason == errand.ReasonStartFailed {
			j.Result = &errand.Result{Commands: []errand.CommandResult{{ExitCode: -1}}}
		}
		return
	}
	code, _ := strconv.Atoi(j.Env["EXIT"])
	j.Status, j.ExitCode, j.Result = errand.Completed, &code, &errand.Result{ExitCode: code, DurationMs: 2500}
	for i := range j.Commands {
		r := errand.CommandResult{DurationMs: 1250}
		if i == len(j.Commands)-1 {
			r.ExitCode = code
		}
		j.Result.Commands = append(j.Result.Commands, r)
	}
}

func (j *fakeJob) output() []api.LogFrame {
	var frames []api.LogFrame
	var offset int64
	for i, c := range j.Commands {
		for _, f := range []api.LogFrame{{Stream: "system", Data: []byte("$ " + c.String() + "\n")}, {Stream: "stdout", Data: []byte("out " + c.String() + "\n")}, {Stream: "stderr", Data: []byte("err " + c.String() + "\n")}} {
			f.Offset, f.Command = offset, i
			offset += int64(len(f.Data))
			frames = append(frames, f)
		}
	}
	if more := j.Env["MORE"]; more != "" {
		frames = append(frames, api.LogFrame{Stream: "stdout", Offset: offset, Data: []byte(more + "\n")})
	}
	return frames
}

func (f *fakeServer) find(id string) *fakeJob {
	for _, j := range f.jobs {
		if j.ID == id {
			return j
		}
	}
	return nil
}

func (f *fakeServer) withJob(w http.ResponseWriter, id string, g func(*fakeJob)) {
	f.change(func() {
		j := f.find(id)
		if j == nil {
			problem(w, errand.CodeJobNotFound, fmt.Sprintf("there is no job %q", id))
			return
		}
		g(j)
		answer(w, 200, j.Job)
	})
}

func (f *fakeServer) cancel(w http.ResponseWriter, r *http.Request) {
	var c api.CancelJob
	_ = json.NewDecoder(r.Body).Decode(&c)
	f.withJob(w, c.JobID, func(j *fakeJob) {
		switch {
		case j.Status.Terminal():
		case j.Env["SLOW"] != "": // it ends when someone waits for it
			j.CancelRequested = true
		default:
			j.Status, j.Reason = errand.Cancelled, errand.ReasonCancelled
		}
	})
}

// listSchedules gives pages of one.
func (f *fakeServer) listSchedules(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	skip, _ := strconv.Atoi(r.FormValue("cursor"))
	list := api.ScheduleList{Schedules: f.planned[min(skip, len(f.planned)):min(skip+1, len(f.planned))]}
	if skip+1 < len(f.planned) {
		list.Next = strconv.Itoa(skip + 1)
	}
	answer(w, http.StatusOK, list)
}

// listJobs gives pages of two at most, but all jobs that are older than a given ID.
func (f *fakeServer) listJobs(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	most := min(limit, 2)
	skip, err := strconv.Atoi(r.FormValue("cursor"))
	if after := r.FormValue("cursor"); err != nil && errand.ValidJobID(after) {
		skip, most = 0, limit
		for _, j := range f.jobs {
			if j.ID >= after {
				skip++
			}
		}
	}
	list := api.JobList{Jobs: []api.Job{}}
	for i := len(f.jobs) - 1 - skip; i >= 0; i-- {
		if len(list.Jobs) == most {
			list.Next = strconv.Itoa(skip)
			break
		}
		skip++
		if j := f.jobs[i].Job; r.FormValue("status") == "" || string(j.Status) == r.FormValue("status") {
			list.Jobs = append(list.Jobs, j)
		}
	}
	answer(w, 200, list)
}

// logs gives one frame a page, and holds the answer while a job runs and there is no more.
func (f *fakeServer) logs(w http.ResponseWriter, r *http.Request) {
	offset, _ := strconv.ParseInt(r.FormValue("offset"), 10, 64)
	attempt, _ := strconv.Atoi(r.FormValue("attempt"))
	f.mu.Lock()
	j := f.find(r.FormValue("jobId"))
	f.mu.Unlock()
	if j == nil {
		problem(w, errand.CodeJobNotFound, "there is no job "+strconv.Quote(r.FormValue("jobId")))
		return
	}
	f.change(func() {
		j.watched = true
		if j.CancelRequested {
			j.Status, j.Reason = errand.Cancelled, errand.ReasonCancelled
		}
	})
	var page api.LogPage
	if r.FormValue("wait") != "0" {
		f.change(func() { f.waiting++ })
		defer f.change(func() { f.waiting-- })
	}
	f.wait(r.Context().Done(), func() bool {
		page = j.page(attempt, offset)
		return r.FormValue("wait") == "0" || page.Done || len(page.Frames) > 0 || j.Env["PENDING"] != "" && r.FormValue("wait") == "2"
	})
	answer(w, 200, page)
}

// page gives the first attempt first, so that a follower goes through all of them.
func (j *fakeJob) page(attempt int, offset int64) api.LogPage {
	if attempt == 0 && len(j.frames) > 0 {
		attempt = j.reached + 1
	}
	p := api.LogPage{JobID: j.ID, Attempt: attempt, Offset: offset, Next: offset, Status: j.Status, Frames: []api.LogFrame{}}
	if attempt > 0 {
		for _, f := range j.frames[attempt-1] {
			end := f.Offset + int64(len(f.Data))
			if f.Offset <= offset && offset < end {
				f.Data, f.Offset = f.Data[offset-f.Offset:], offset
				p.Frames, p.Next = append(p.Frames, f), end
				return p
			}
			p.Bytes = &end
		}
	}
	if attempt > 0 && attempt < len(j.frames) {
		p.Done, p.Status = true, errand.Running
		j.reached = attempt
		return p
	}
	if p.Done = j.Status.Terminal(); !p.Done {
		p.Bytes = nil
	}
	return p
}

// entries lists what the archive of the last job holds.
func (f *fakeServer) entries() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.jobs) == 0 || f.jobs[len(f.jobs)-1].Source == nil {
		return nil, fmt.Errorf("the last job has no source")
	}
	src := f.jobs[len(f.jobs)-1].Source
	chunks := map[manifest.Hash][]byte{}
	var tree *manifest.Tree
	for _, hash := range append([]string{src.SHA256}, src.Packs...) {
		r := bytes.NewReader(f.uploads[hash])
		x, err := manifest.ReadIndex(r, r.Size())
		if err != nil {
			return nil, err
		}
		if tree == nil {
			tree = x.Tree
		}
		for _, frame := range x.Frames {
			raw, err := frame.Read(r)
			if err != nil {
				return nil, err
			}
			for i, h := range frame.Chunks {
				chunks[h] = raw[frame.Starts[i]:frame.Starts[i+1]]
			}
		}
	}
	var names []string
	for _, part := range tree.Parts {
		err := manifest.DecodePart(chunks[part], func(e manifest.Entry) error {
			switch {
			case e.Path == ".":
			case e.Kind == manifest.Dir:
				names = append(names, e.Path+"/")
			default:
				names = append(names, e.Path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}
