package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// CreateSchedule is the body of POST /api/schedules. It answers a Schedule.
type CreateSchedule struct {
	Name     string               `json:"name"`
	Cron     string               `json:"cron"`
	TimeZone string               `json:"timeZone,omitempty"` // default: UTC
	Missed   errand.MissedPolicy  `json:"missed,omitempty"`   // default: skip
	Overlap  errand.OverlapPolicy `json:"overlap,omitempty"`  // default: allow
	Job      CreateJob            `json:"job"`
	// Replace: a schedule of the same name is replaced.
	Replace bool `json:"replace,omitempty"`
	// DryRun: the request is checked, and nothing is stored.
	DryRun bool `json:"dryRun,omitempty"`
}

// previewRuns is how many runs a dry run answers with.
const previewRuns = 5

// NamedSchedule is the body of POST /api/schedules/pause, …/resume and …/run: the first
// two answer a Schedule, the third a Job.
type NamedSchedule struct {
	Name string `json:"name"` // NAME, or an admin's OWNER/NAME
}

// Schedule is a schedule as the API shows it. Lists hold it without the job's
// Env and the packs of its Source.
type Schedule struct {
	Name        string                `json:"name"`
	Owner       string                `json:"owner"`
	Cron        string                `json:"cron"`
	TimeZone    string                `json:"timeZone"`
	Missed      errand.MissedPolicy   `json:"missed"`
	Overlap     errand.OverlapPolicy  `json:"overlap"`
	Status      errand.ScheduleStatus `json:"status"`
	Error       string                `json:"error,omitempty"`
	NextRunAt   *time.Time            `json:"nextRunAt,omitempty"` // unless it is paused or stopped
	NextRuns    []time.Time           `json:"nextRuns,omitempty"`  // in the answer to a dry run only
	LastRun     *ScheduledRun         `json:"lastRun,omitempty"`
	MissedRuns  int                   `json:"missedRuns"`
	SkippedRuns int                   `json:"skippedRuns"`
	Job         CreateJob             `json:"job"`
	CreatedAt   time.Time             `json:"createdAt"`
}

// ScheduledRun is a run that started a job.
type ScheduledRun struct {
	At    time.Time `json:"at"` // the time of the schedule
	JobID string    `json:"jobId"`
}

// ScheduleList is a page of schedules, by owner and name: the answer of GET /api/schedules.
type ScheduleList struct {
	Schedules []Schedule `json:"schedules"`
	Next      string     `json:"next,omitempty"` // the cursor of the next page
}

func newSchedule(s *errand.Schedule) Schedule {
	out := Schedule{
		Name: s.Name, Owner: s.Owner, Cron: s.Cron, TimeZone: s.Zone, Missed: s.Missed, Overlap: s.Overlap, Status: s.Status, Error: s.Error,
		MissedRuns: s.MissedRuns, SkippedRuns: s.SkippedRuns, Job: newCreateJob(&s.Job), CreatedAt: s.CreatedAt.UTC(),
	}
	if s.Status == errand.ScheduleActive {
		out.NextRunAt = timeOrNil(s.Next)
	}
	if s.Last != nil {
		out.LastRun = &ScheduledRun{At: s.Last.At.UTC(), JobID: s.Last.JobID}
	}
	return out
}

// newCreateJob is the request that a spec was made of.
func newCreateJob(s *errand.Spec) CreateJob {
	return CreateJob{
		Name: s.Name, Commands: orEmpty(s.Commands), Source: s.Source, Env: s.Env, Shell: s.Shell, Queue: s.Queue, Group: s.Group, Worker: s.Worker, Requires: s.Requires,
		MaxAttempts: s.MaxAttempts, RetryOnExit: s.RetryOnExit, TimeoutSeconds: s.TimeoutSeconds, LeaseSeconds: s.LeaseSeconds, ContinueOnError: s.ContinueOnError,
		Terminal: s.Terminal, Artifacts: s.Artifacts, Cache: s.Cache, Workspace: s.Workspace, Limits: s.Limits,
	}
}

func createSchedule(c *request) (response, error) {
	var in CreateSchedule
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	sc := errand.Schedule{
		ScheduleKey: errand.ScheduleKey{Name: in.Name}, Cron: in.Cron, Zone: in.TimeZone, Missed: in.Missed, Overlap: in.Overlap, Job: in.Job.spec(),
	}
	sc, made, err := c.CreateSchedule(c.ctx(), c.caller, sc, control.ScheduleOptions{Replace: in.Replace, DryRun: in.DryRun})
	if err != nil {
		return response{}, err
	}
	out := newSchedule(&sc)
	if in.DryRun {
		out.NextRuns, err = c.NextRuns(&sc, previewRuns)
		return response{status: http.StatusOK, body: out}, err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	return response{status: status, body: out}, nil
}

func listSchedules(c *request) (response, error) {
	limit, cursor := int(c.params.number("limit", 1, errand.MaxPage, defaultPage)), c.params.text("cursor")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	page, next, err := c.Schedules(c.ctx(), c.caller, cursor, limit)
	if err != nil {
		return response{}, err
	}
	out := ScheduleList{Schedules: make([]Schedule, len(page)), Next: next}
	for i := range page {
		out.Schedules[i] = newSchedule(&page[i])
		j := &out.Schedules[i].Job
		j.Source, j.Env = withoutPacks(j.Source), nil
	}
	return response{status: http.StatusOK, body: out}, nil
}

func scheduleStatus(c *request) (response, error) {
	name := c.params.need("name")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	return showSchedule(c.Schedule(c.ctx(), c.caller, name))
}

func showSchedule(sc errand.Schedule, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: newSchedule(&sc)}, nil
}

func deleteSchedule(c *request) (response, error) {
	name := c.params.need("name")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	if err := c.DeleteSchedule(c.ctx(), c.caller, name); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

func pauseSchedule(c *request) (response, error) {
	var in NamedSchedule
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	return showSchedule(c.PauseSchedule(c.ctx(), c.caller, in.Name))
}

func resumeSchedule(c *request) (response, error) {
	var in NamedSchedule
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	return showSchedule(c.ResumeSchedule(c.ctx(), c.caller, in.Name))
}

func runSchedule(c *request) (response, error) {
	var in NamedSchedule
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	key, err := c.idempotencyKey()
	if err != nil {
		return response{}, err
	}
	job, err := c.RunSchedule(c.ctx(), c.caller, in.Name, key)
	if err != nil {
		return response{}, err
	}
	return c.created(&job, http.StatusCreated), nil
}

// scheduleParam is the schedule that a list of jobs is of: NAME, or an admin's OWNER/NAME.
func (c *request) scheduleParam() errand.ScheduleKey {
	ref := c.params.text("schedule")
	if ref == "" {
		return errand.ScheduleKey{}
	}
	if owner, name, ok := strings.Cut(ref, "/"); ok {
		return errand.ScheduleKey{Owner: owner, Name: name}
	}
	return errand.ScheduleKey{Owner: c.caller.Owner, Name: ref}
}
