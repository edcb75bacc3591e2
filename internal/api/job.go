package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// spec is what the Service is asked to make of the body.
func (j *CreateJob) spec() errand.Spec {
	var notBefore time.Time
	if j.NotBefore != nil {
		notBefore = *j.NotBefore
	}
	return errand.Spec{
		After: j.After, NotBefore: notBefore,
		Name: j.Name, Commands: j.Commands, Source: j.Source, Env: j.Env, Shell: j.Shell, Queue: j.Queue, Group: j.Group, Worker: j.Worker, Requires: j.Requires,
		MaxAttempts: j.MaxAttempts, RetryOnExit: j.RetryOnExit, TimeoutSeconds: j.TimeoutSeconds, LeaseSeconds: j.LeaseSeconds, ContinueOnError: j.ContinueOnError,
		Terminal: j.Terminal, Artifacts: j.Artifacts, Cache: j.Cache, Workspace: j.Workspace, Limits: j.Limits,
	}
}

// Check returns the error that servers answer to the body, as far as it can be told without
// one. It is an *errand.Error with CodeInvalidField.
func (j *CreateJob) Check() error {
	spec := j.spec()
	spec.Normalise(errand.DefaultTiming())
	return spec.Validate()
}

// ParseCreateJob reads a body in JSON as servers do. Errors: *errand.Error.
func ParseCreateJob(body []byte) (j CreateJob, err error) {
	err = decodeStrict(body, &j)
	return j, err
}

// newJob shows a job as it stands at now. The workers send a heartbeat at each interval.
func newJob(j *errand.Job, now time.Time, interval time.Duration) Job {
	s, st := &j.Spec, j.State.View(now)
	out := Job{
		ID: s.ID, Status: st.Status, ExitCode: st.ExitCode, Reason: st.Reason, Error: st.Error, Name: s.Name, Owner: s.Owner,
		Queue: s.Queue, Group: s.Group, Worker: s.Worker, Requires: s.Requires, Commands: s.Commands, Source: s.Source, Env: s.Env, Shell: s.Shell,
		Attempt: st.Attempt, Try: st.Try(), MaxAttempts: s.MaxAttempts, RetryOnExit: s.RetryOnExit, TimeoutSeconds: s.TimeoutSeconds, LeaseSeconds: s.LeaseSeconds,
		ContinueOnError: s.ContinueOnError, Terminal: s.Terminal, Artifacts: s.Artifacts, Cache: s.Cache, Workspace: s.Workspace, Limits: s.Limits, WorkerID: st.WorkerID, WorkerName: workerName(&st), Direct: st.Direct(), CancelRequested: st.CancelRequested,
		After: s.After, NotBefore: timeOrNil(s.NotBefore), Held: st.Held && st.Status == errand.Pending, ReleasedAt: timeOrNil(st.ReleasedAt),
		Schedule: s.Schedule, ScheduledAt: timeOrNil(s.ScheduledAt), TraceParent: s.TraceParent,
		CreatedAt: s.CreatedAt.UTC(), FinishedAt: timeOrNil(st.FinishedAt), Result: j.Result,
	}
	out.Attempts, out.Silence = utcAttempts(st.Attempts()), utcSilence(st.Silence(now, interval))
	if st.Status != errand.Pending { // of one that waits again, that was another attempt's
		out.StartedAt = timeOrNil(st.StartedAt)
	}
	out.Commands = orEmpty(out.Commands)
	return out
}

// withoutPacks is a source as lists show it: the packs may be many, and only a request
// for the same source needs them.
func withoutPacks(s *errand.Source) *errand.Source {
	if s == nil || s.Packs == nil {
		return s
	}
	out := *s
	out.Packs = nil
	return &out
}

// workerName is the name of the job's worker, if it has one.
func workerName(st *errand.StateRecord) string {
	if st.WorkerID == "" {
		return ""
	}
	return st.WorkerName
}

func utcAttempts(all []errand.JobAttempt) []errand.JobAttempt {
	all = slices.Clone(all)
	for i := range all {
		all[i].StartedAt, all[i].EndedAt = all[i].StartedAt.UTC(), all[i].EndedAt.UTC()
	}
	return all
}

func utcSilence(s *errand.Silence) *errand.Silence {
	if s != nil {
		s.LeaseEndsAt = s.LeaseEndsAt.UTC()
	}
	return s
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// orEmpty makes an array of what would be null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func createJob(c *request) (response, error) {
	var in CreateJob
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	return c.create(&in, http.StatusCreated)
}

// create makes a job, and answers its repetition as it did the first time.
func (c *request) create(in *CreateJob, status int) (response, error) {
	key, err := c.idempotencyKey()
	if err != nil {
		return response{}, err
	}
	spec := in.spec()
	if parent := c.r.Header.Get("Traceparent"); errand.ValidTraceParent(parent) { // an invalid one is ignored, as W3C asks
		spec.TraceParent = parent
	}
	job, err := c.CreateJob(c.ctx(), c.caller, spec, control.CreateOptions{Key: key, Watched: in.Watch})
	if err != nil {
		return response{}, err
	}
	return c.created(&job, status), nil
}

// created answers with a job that was created.
func (c *request) created(job *errand.Job, status int) response {
	location := "/api/jobs/status?" + url.Values{"jobId": {job.Spec.ID}}.Encode()
	return response{status, newJob(job, c.Clock.Now(), c.Timing.Heartbeat), location}
}

// idempotencyKey is the header's value; empty if there is none. A gateway joins
// repeated headers by commas, and so does this.
func (c *request) idempotencyKey() (string, error) {
	values, ok := c.r.Header["Idempotency-Key"]
	key := strings.Join(values, ",")
	if ok && key == "" {
		return "", errand.InvalidField("Idempotency-Key", "the Idempotency-Key header is empty; leave it out, or make a new one for each job")
	}
	return key, nil
}

func listJobs(c *request) (response, error) {
	f := control.JobFilter{
		Status: errand.Status(c.params.text("status")), Queue: c.params.text("queue"), Owner: c.params.text("owner"),
		Since: c.params.time("since"), Until: c.params.time("until"),
		Limit: int(c.params.number("limit", 1, errand.MaxPage, 0)), Cursor: c.params.text("cursor"), Schedule: c.scheduleParam(),
	}
	if c.params.err != nil {
		return response{}, c.params.err
	}
	page, err := c.Jobs(c.ctx(), c.caller, f)
	if err != nil {
		return response{}, err
	}
	out, now := JobList{Jobs: make([]Job, 0, len(page.Jobs)), Next: page.Next}, c.Clock.Now()
	for i := range page.Jobs {
		j := newJob(&page.Jobs[i], now, c.Timing.Heartbeat)
		j.Source, j.Env, j.Attempts, j.Result = withoutPacks(j.Source), nil, nil, nil
		out.Jobs = append(out.Jobs, j)
	}
	return response{status: http.StatusOK, body: out}, nil
}

func jobStatus(c *request) (response, error) {
	id := c.params.need("jobId")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	return c.showJob(c.Job(c.ctx(), c.caller, id))
}

func (c *request) showJob(job errand.Job, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: newJob(&job, c.Clock.Now(), c.Timing.Heartbeat)}, nil
}

func cancelJob(c *request) (response, error) {
	var in CancelJob
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	return c.showJob(c.Cancel(c.ctx(), c.caller, in.JobID))
}

// Again returns the request that makes a job like j now: without what j waited for, which
// may never come again. All else that a request says, but for Watch, has the same name in
// a job.
func (j *Job) Again() (CreateJob, error) {
	var again CreateJob
	b, err := json.Marshal(j)
	if err == nil {
		err = json.Unmarshal(b, &again)
	}
	if err != nil {
		return again, fmt.Errorf("read the settings of job %s: %w", j.ID, err)
	}
	if again.Source != nil {
		again.Source.Size = 0 // the server's to say
	}
	again.After, again.NotBefore = nil, nil
	return again, nil
}
