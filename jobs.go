package errand

import (
	"context"
	"errors"
	"slices"
)

// MaxPage is the most entries that a list gives at once.
const MaxPage = 200

// Job reads a job with the result of the attempt that ended it.
// Errors: CodeJobNotFound, also for another owner's.
func (s *Service) Job(ctx context.Context, c Caller, id string) (Job, error) {
	if !jobRE.MatchString(id) {
		return Job{}, errJobNotFound(id)
	}
	spec, st, err := s.Store.Job(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !c.Sees(spec.Owner) {
		return Job{}, errJobNotFound(id)
	}
	if err != nil {
		return Job{}, unavailable("read the job", err)
	}
	job := Job{Spec: *spec, State: *st}
	if !st.Status.Terminal() || st.Attempt == 0 {
		return job, nil
	}
	job.Result, err = s.Store.Result(ctx, id, st.Attempt)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Job{}, unavailable("read the result", err)
	}
	return job, nil
}

// Jobs lists the caller's jobs, an admin's all owners'. Errors: CodeInvalidField.
func (s *Service) Jobs(ctx context.Context, c Caller, f JobFilter) (JobPage, error) {
	if c.Role != RoleAdmin {
		f.Owner = c.Owner
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if err := between("limit", f.Limit, 1, MaxPage); err != nil {
		return JobPage{}, err
	}
	if f.Status != "" && !slices.Contains(Statuses, f.Status) {
		return JobPage{}, invalid("status", "status is one of %q, not %q", Statuses, f.Status)
	}
	if f.Queue != "" && !slices.Contains(s.Queues, f.Queue) {
		return JobPage{}, invalid("queue", "there is no queue %q on this server; it has %q", f.Queue, s.Queues)
	}
	f.Now = s.now()
	page, err := s.Store.Jobs(ctx, f)
	if err != nil {
		return JobPage{}, unavailable("list the jobs", err)
	}
	return page, nil
}
