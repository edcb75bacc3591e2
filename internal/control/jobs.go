package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// JobLister lists jobs.
type JobLister interface {
	// Jobs lists jobs, newest first. It may lag behind by a second. Where a filter
	// leaves few of many, a page may hold fewer than its limit, and have a next one.
	Jobs(ctx context.Context, f JobFilter) (JobPage, error)
}

// JobFilter selects jobs for a list.
type JobFilter struct {
	Owner  string        // empty: all owners'
	Since  time.Time     // created then or later; zero: at any time
	Until  time.Time     // created before; zero: at any time
	Status errand.Status // empty: all; as seen at Now
	Queue  string        // empty: all
	Queues []string      // the server's; needed to list jobs that are not over
	// Schedule is the one whose jobs are listed; zero: those of all, and of none.
	Schedule errand.ScheduleKey
	Limit    int    // 1..200
	Cursor   string // Next of the page before
	Now      time.Time
}

// JobPage is a page of a list. Its states are as stored: use StateRecord.View.
type JobPage struct {
	Jobs []errand.Job
	Next string // empty: that was the last
}

// Job reads a job with the result of the attempt that ended it.
// Errors: CodeJobNotFound, also for another owner's.
func (s *Service) Job(ctx context.Context, c Caller, id string) (errand.Job, error) {
	job, err := s.ownJob(ctx, c, id)
	if err != nil || !job.State.Status.Terminal() || job.State.Attempt == 0 {
		return job, err
	}
	job.Result, err = s.result(ctx, job.State, job.State.Attempt)
	return job, err
}

// ownJob reads a job that the caller may see, without its result.
func (s *Service) ownJob(ctx context.Context, c Caller, id string) (errand.Job, error) {
	if !errand.ValidJobID(id) {
		return errand.Job{}, errJobNotFound(id)
	}
	spec, st, err := s.Store.Job(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !c.Sees(spec.Owner) {
		return errand.Job{}, errJobNotFound(id)
	}
	if err != nil {
		return errand.Job{}, unavailable("read the job", err)
	}
	return errand.Job{Spec: *spec, State: st.Record()}, nil
}

// Source lets a client read the folder that a job was sent; nil: the job has none. The
// uploads' addresses are made of the job's owner and of hashes that were checked when the
// job was created, so they lead to nobody else's. Errors: CodeJobNotFound.
func (s *Service) Source(ctx context.Context, c Caller, id string) (*errand.SourceGrant, error) {
	job, err := s.ownJob(ctx, c, id)
	if err != nil || job.Spec.Source == nil {
		return nil, err
	}
	return s.sourceGrant(ctx, c, &job.Spec)
}

// result reads the result of an attempt of the job; nil if there is none.
func (s *Service) result(ctx context.Context, st errand.StateRecord, attempt int) (*errand.Result, error) {
	if st.Result != nil && attempt == st.Attempt {
		return st.Result, nil
	}
	r, err := s.Store.Result(ctx, st.JobID, attempt)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, unavailable("read the result", err)
	}
	return r, nil
}

// Jobs lists the caller's jobs, or those of all owners for an admin, who may name one.
// Errors: CodeInvalidField.
func (s *Service) Jobs(ctx context.Context, c Caller, f JobFilter) (JobPage, error) {
	if err := f.checkOwner(c); err != nil {
		return JobPage{}, err
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if err := errand.CheckRange("limit", f.Limit, 1, errand.MaxPage); err != nil {
		return JobPage{}, err
	}
	if f.Status != "" && !slices.Contains(errand.Statuses, f.Status) {
		return JobPage{}, errand.InvalidField("status", "status must be %s, not %q", errand.ListStatuses(), f.Status)
	}
	if f.Queue != "" && c.MayUse(f.Queue) { // of another queue, the caller sees own jobs only
		if err := s.checkQueue(ctx, c, "queue", f.Queue); err != nil {
			return JobPage{}, err
		}
	}
	if f.Cursor != "" && !errand.ValidJobID(f.Cursor) {
		return JobPage{}, errand.InvalidField("cursor", "cursor must be the \"next\" of the previous page")
	}
	if f.Schedule != (errand.ScheduleKey{}) && !c.Sees(f.Schedule.Owner) {
		return JobPage{}, errScheduleNotFound(f.Schedule.Ref())
	}
	var err error
	if f.Queues, err = s.queueNames(ctx); err != nil {
		return JobPage{}, err
	}
	f.Now = s.now()
	page, err := s.Store.Jobs(ctx, f)
	if err != nil {
		return JobPage{}, unavailable("list the jobs", err)
	}
	page.cut()
	return page, nil
}

// checkOwner checks whose jobs are asked for: those of all owners only an admin sees.
func (f *JobFilter) checkOwner(c Caller) error {
	if f.Owner != "" {
		if err := errand.CheckOwner(f.Owner); err != nil {
			return err
		}
		if !c.Sees(f.Owner) {
			return errand.InvalidField("owner", "you see the jobs of %s only; those of another owner need an admin's token", c.Owner)
		}
	}
	if c.Role != errand.RoleAdmin {
		f.Owner = c.Owner
	}
	return nil
}

// maxPageBytes limits the specs of a page, as JSON. A Lambda function's answer may have
// 6 MB, in which the page is a string: each of its quotes is two bytes.
const maxPageBytes = 2 << 20

// cut ends a page before it is too long for an answer.
func (p *JobPage) cut() {
	if len(p.Jobs) <= maxPageBytes/errand.MaxSpecBytes {
		return
	}
	size := 0
	for i := range p.Jobs {
		if size += len(specJSON(&p.Jobs[i].Spec)); size > maxPageBytes {
			p.Jobs, p.Next = p.Jobs[:i], p.Jobs[i-1].Spec.ID
			return
		}
	}
}
