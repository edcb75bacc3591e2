package fakeapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// job is one that runs, or ran. Its frames are those of the current attempt.
type job struct {
	wire   api.Job
	steps  []step
	next   int // step
	held   bool
	past   [][]errand.Frame // of the attempts before this one
	frames []errand.Frame
	end    int64
	result errand.Result
}

// execute takes a job, by errand's own rules for one.
func (f *Fake) execute(w http.ResponseWriter, r *http.Request) {
	var e api.Execute
	if !read(w, r, &e) {
		return
	}
	spec := errand.Spec{Name: e.Name, Commands: e.Commands, Source: e.Source, Env: e.Env, Queue: e.Queue, Group: e.Group, MaxAttempts: e.MaxAttempts, TimeoutSeconds: e.TimeoutSeconds, ContinueOnError: e.ContinueOnError}
	spec.Normalise(errand.Timing{Lease: 5 * time.Minute})
	if err := spec.Validate(); err != nil {
		var e *errand.Error
		errors.As(err, &e)
		problem(w, e)
		return
	}
	keyed := r.Header.Get("Idempotency-Key") != ""
	if keyed != (e.Mode == api.ModeDistributed) {
		problem(w, errand.Errorf(errand.CodeInvalidField, "a job needs an Idempotency-Key, and direct mode refuses one"))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	j := f.newJob(&spec)
	if e.Mode == api.ModeDirect {
		answer(w, http.StatusOK, api.Executed{Mode: api.ModeDirect, DirectResult: j.direct()})
		return
	}
	f.jobs[j.wire.ID] = j
	f.order = append(f.order, j.wire.ID)
	j.run(f.now())
	answer(w, http.StatusAccepted, j.wire)
}

func (f *Fake) newJob(s *errand.Spec) *job {
	now := f.now().UTC()
	j := &job{wire: api.Job{
		ID: fmt.Sprintf("01FAKE%020d", len(f.order)+1), Status: errand.Running, Name: s.Name, Owner: "fake", Queue: s.Queue, Group: s.Group,
		Commands: s.Commands, Source: s.Source, Env: s.Env, Attempt: 1, Try: 1, MaxAttempts: s.MaxAttempts, TimeoutSeconds: s.TimeoutSeconds,
		WorkerID: "birch-0001", CreatedAt: now, StartedAt: &now,
	}}
	var source []byte
	if s.Source != nil {
		source = f.objects[s.Source.SHA256]
	}
	for _, c := range s.Commands {
		j.steps = append(j.steps, parseStep(c.String(), source))
	}
	return j
}

// run goes on until a step holds the job, or it is over.
func (j *job) run(now time.Time) {
	for j.next < len(j.steps) && !j.wire.Status.Terminal() {
		s := j.steps[j.next]
		switch {
		case s.hold && !j.held:
			j.held = true
			return
		case s.lose:
			j.finish(now, errand.Failed, errand.ReasonLost, "its worker gave no sign of life until the lease ended")
			return
		case s.again && j.wire.Attempt < j.wire.MaxAttempts:
			j.anew()
			continue
		}
		j.say(s)
	}
	j.finish(now, errand.Completed, "", "")
}

func (j *job) say(s step) {
	i := j.next
	j.next, j.held = j.next+1, false
	j.add(errand.System, i, "$ "+j.wire.Commands[i].String()+"\n")
	j.add(errand.Stdout, i, s.stdout)
	j.add(errand.Stderr, i, s.stderr)
	j.result.Commands = append(j.result.Commands, errand.CommandResult{ExitCode: s.exit, DurationMs: 12, Stdout: output(s.stdout), Stderr: output(s.stderr)})
	if s.exit != 0 {
		j.result.ExitCode, j.next = s.exit, len(j.steps)
	}
}

func (j *job) add(stream errand.Stream, command int, text string) {
	for len(text) > 0 {
		n := min(len(text), errand.MaxFrameBytes)
		j.frames = append(j.frames, errand.Frame{Stream: stream, Offset: j.end, Command: command, Data: []byte(text[:n])})
		j.end += int64(n)
		text = text[n:]
	}
}

func (j *job) anew() {
	j.wire.Attempt++
	j.wire.Try++
	j.past = append(j.past, j.frames)
	j.frames, j.end, j.next, j.result = nil, 0, 0, errand.Result{}
}

func (j *job) finish(now time.Time, s errand.Status, reason errand.Reason, text string) {
	if j.wire.Status.Terminal() {
		return
	}
	end := now.UTC()
	j.wire.Status, j.wire.Reason, j.wire.Error, j.wire.FinishedAt = s, reason, text, &end
	if s == errand.Completed {
		j.wire.ExitCode = &j.result.ExitCode
	}
	if reason == errand.ReasonLost {
		return // nobody reported
	}
	j.result.DurationMs = int64(12 * len(j.result.Commands))
	j.wire.Result = &j.result
}

func (j *job) direct() errand.DirectResult {
	j.run(time.Time{})
	d := errand.DirectResult{Status: j.wire.Status, ExitCode: j.wire.ExitCode, Reason: j.wire.Reason, Error: j.wire.Error, DurationMs: j.result.DurationMs}
	for i, c := range j.result.Commands {
		d.Commands = append(d.Commands, errand.DirectCommand{ExitCode: c.ExitCode, DurationMs: c.DurationMs, Stdout: errand.Bytes(j.steps[i].stdout), Stderr: errand.Bytes(j.steps[i].stderr)})
	}
	return d
}

func (f *Fake) list(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := api.JobList{Jobs: []api.Job{}}
	for i := len(f.order) - 1; i >= 0; i-- {
		j := f.jobs[f.order[i]].wire
		j.Env, j.Result = nil, nil
		page.Jobs = append(page.Jobs, j)
	}
	answer(w, http.StatusOK, page)
}

// find answers 404 where there is no such job. The lock is held.
func (f *Fake) find(w http.ResponseWriter, id string) *job {
	j := f.jobs[id]
	if j == nil {
		problem(w, errand.Errorf(errand.CodeJobNotFound, "there is no job %s", id))
	}
	return j
}

func (f *Fake) status(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.find(w, r.FormValue("jobId")); j != nil {
		answer(w, http.StatusOK, j.wire)
	}
}

func (f *Fake) release(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.find(w, r.FormValue("jobId")); j != nil {
		j.run(f.now())
		f.wake()
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *Fake) cancel(w http.ResponseWriter, r *http.Request) {
	var c api.CancelJob
	if !read(w, r, &c) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	j := f.find(w, c.JobID)
	if j == nil {
		return
	}
	if j.wire.Status.Terminal() {
		problem(w, errand.Errorf(errand.CodeJobFinished, "job %s is %s; there is nothing to cancel", c.JobID, j.wire.Status))
		return
	}
	j.wire.CancelRequested = true
	answer(w, http.StatusOK, j.wire)
	j.add(errand.System, -1, "cancelled\n")
	j.finish(f.now(), errand.Cancelled, errand.ReasonCancelled, "")
	f.wake()
}

// wake answers the requests that wait. The lock is held.
func (f *Fake) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// logs holds the request until there is more, as the API does.
func (f *Fake) logs(w http.ResponseWriter, r *http.Request) {
	offset, _ := strconv.ParseInt(r.FormValue("offset"), 10, 64)
	attempt, _ := strconv.Atoi(r.FormValue("attempt"))
	wait, _ := strconv.Atoi(r.FormValue("wait"))
	timer := time.NewTimer(time.Duration(wait) * time.Second)
	defer timer.Stop()
	for {
		page, changed, ok := f.logsNow(w, r.FormValue("jobId"), attempt, offset)
		if !ok {
			return
		}
		if len(page.Frames) > 0 || page.Done {
			answer(w, http.StatusOK, page)
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			answer(w, http.StatusOK, page)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// logsNow reads a log as it is; it has answered if ok is false. An outage that
// began while the request was held is its answer too.
func (f *Fake) logsNow(w http.ResponseWriter, id string, attempt int, offset int64) (page api.LogPage, changed <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.outage > 0 {
		f.outage--
		problem(w, errOutOfOrder)
		return page, nil, false
	}
	j := f.find(w, id)
	if j == nil {
		return page, nil, false
	}
	return j.page(attempt, offset), f.changed, true
}

func (j *job) page(attempt int, offset int64) api.LogPage {
	frames, over := j.frames, j.wire.Status.Terminal()
	if attempt == 0 {
		attempt = j.wire.Attempt
	}
	if attempt < j.wire.Attempt {
		frames, over = j.past[attempt-1], true
	}
	p := api.LogPage{JobID: j.wire.ID, Attempt: attempt, Offset: offset, Next: offset, Frames: []api.LogFrame{}, Done: over, Status: j.wire.Status}
	for _, f := range frames {
		if f.Offset >= offset {
			p.Frames = append(p.Frames, api.LogFrame{Stream: f.Stream.Name(), Offset: f.Offset, Command: f.Command, Data: f.Data})
			p.Next = f.End()
		}
	}
	return p
}
