package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// SyncRequest reports attempts that have ended and asks for the next.
type SyncRequest struct {
	WorkerID string
	Epoch    int
	Reports  []AttemptReport
	// PollID names what is asked for, as in TakeRequest. If it is empty, the worker asks
	// for nothing.
	PollID string
	Count  int // of jobs that the worker asks for
	Wait   time.Duration
}

// AttemptReport is an attempt's result, or its failure.
type AttemptReport struct {
	errand.AttemptID
	Result  *errand.Result
	Failure *errand.Failure
}

// SyncAnswer is the response.
type SyncAnswer struct {
	Reports  []ReportAnswer // one for each report, in their order
	Attempts []*errand.Assignment
	// Waited is how long the request was kept before the attempts were assigned.
	Waited time.Duration
	// Err says why the worker must ask for work again, with the same poll ID, although
	// its reports were taken.
	Err error
}

// ReportAnswer says what became of a report.
type ReportAnswer struct {
	errand.AttemptID
	Status errand.Status // of the job
	Err    error         // as of SubmitResult
}

// Sync takes reports and assigns the next jobs, up to Count. It waits for one as TakeJob
// does. The worker may start the attempts at once, without a heartbeat: they count. Sync
// may be repeated: each report has its effect once, and the same poll ID returns the same
// attempts to the same epoch.
// Errors: CodeWorkerNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) Sync(ctx context.Context, c Caller, r SyncRequest) (SyncAnswer, error) {
	if err := r.validate(); err != nil {
		return SyncAnswer{}, err
	}
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return SyncAnswer{}, err
	}
	began := s.now()
	out, ended := s.report(ctx, r)
	var finishing sync.WaitGroup
	defer finishing.Wait()
	s.finishAll(ctx, &finishing, ended)
	reported := attemptsOf(r.Reports)
	if r.PollID == "" {
		s.unhold(ctx, w, r.Epoch, reported)
		s.ringForGroups(ctx, ended)
		return out, nil
	}
	if min(r.Wait, s.Timing.PollWait) > 0 { // else the worker is shown as busy while it waits
		s.unhold(ctx, w, r.Epoch, reported)
	}
	out.Attempts, err = s.take(ctx, c, w, TakeRequest{
		WorkerID: r.WorkerID, Epoch: r.Epoch, PollID: r.PollID, Wait: r.Wait, count: r.Count, accepts: true, released: reported,
	})
	if len(out.Attempts) == 0 {
		s.unhold(ctx, w, r.Epoch, reported)
		s.ringForGroups(ctx, ended) // for another worker
	}
	if err != nil && len(r.Reports) == 0 {
		return SyncAnswer{}, err
	}
	if err != nil {
		s.Log.WarnContext(ctx, "no jobs assigned", "worker", w.ID, "err", err)
	}
	out.Err, out.Waited = err, s.now().Sub(began)
	return out, nil
}

func (r *SyncRequest) validate() error {
	if n := len(r.Reports); n > errand.MaxReports {
		return errand.InvalidField("reports", "reports has %d entries; the limit is %d", n, errand.MaxReports)
	}
	for i, p := range r.Reports {
		if (p.Result == nil) == (p.Failure == nil) {
			return errand.InvalidField(fmt.Sprintf("reports[%d]", i), "a report must have either result or failure")
		}
	}
	if r.PollID == "" {
		return nil
	}
	if err := checkPollID(r.PollID); err != nil {
		return err
	}
	return errand.CheckRange("count", r.Count, 1, errand.MaxTake)
}

func attemptsOf(reports []AttemptReport) []errand.AttemptID {
	ids := make([]errand.AttemptID, len(reports))
	for i, p := range reports {
		ids[i] = p.AttemptID
	}
	return ids
}

// report ends the attempts, and returns the states of those that it could end.
func (s *Service) report(ctx context.Context, r SyncRequest) (out SyncAnswer, ended []errand.StateRecord) {
	out.Reports = make([]ReportAnswer, len(r.Reports))
	states := make([]errand.StateRecord, len(r.Reports))
	inParallel(len(r.Reports), func(i int) {
		p, a := r.Reports[i], &out.Reports[i]
		a.AttemptID = p.AttemptID
		states[i], a.Err = s.reportOne(ctx, Report{WorkerID: r.WorkerID, Epoch: r.Epoch, JobID: p.JobID, Attempt: p.Attempt}, p)
	})
	for i, st := range states {
		a := &out.Reports[i]
		if a.Err != nil {
			s.Log.InfoContext(ctx, "report refused", "job", a.JobID, "attempt", a.Attempt, "err", a.Err)
			continue
		}
		a.Status = st.View(s.now()).Status
		ended = append(ended, st)
	}
	return out, ended
}

func (s *Service) reportOne(ctx context.Context, r Report, p AttemptReport) (errand.StateRecord, error) {
	res, end := p.Result, func(st *errand.State, now time.Time) { st.Complete(now, p.Result) }
	var err error
	if p.Failure != nil {
		res, end = p.Failure.Result, func(st *errand.State, now time.Time) { st.Fail(now, p.Failure) }
		err = p.Failure.Validate()
	} else {
		err = res.Validate()
	}
	if err != nil {
		return errand.StateRecord{}, err
	}
	st, _, err := s.endAttempt(ctx, r, res, end)
	return st, err
}

// finishAll finishes the tickets of the jobs: of those with a group before it returns, so
// that the worker may get the next of the group.
func (s *Service) finishAll(ctx context.Context, finishing *sync.WaitGroup, ended []errand.StateRecord) {
	for _, st := range ended {
		if st.MessageGroupID == st.JobID {
			finishing.Go(func() {
				s.finishTicket(ctx, st)
				s.settle(ctx, st)
			})
		}
	}
	for _, st := range ended {
		if st.MessageGroupID != st.JobID {
			s.finishTicket(ctx, st)
		}
	}
}

// ringForGroups rings for the next jobs of the groups whose jobs have ended.
func (s *Service) ringForGroups(ctx context.Context, ended []errand.StateRecord) {
	for _, st := range ended {
		s.ringForNext(ctx, st)
	}
}
