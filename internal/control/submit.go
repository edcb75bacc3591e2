package control

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// ResultStore stores the results of attempts.
type ResultStore interface {
	// PutResult stores the result of an attempt. It may be repeated.
	PutResult(ctx context.Context, jobID string, attempt int, r *errand.Result) error
	// Result reads it. Errors: ErrNotFound.
	Result(ctx context.Context, jobID string, attempt int) (*errand.Result, error)
}

// Report identifies the attempt of a result.
type Report struct {
	WorkerID string
	Epoch    int
	JobID    string
	Attempt  int
}

// SubmitResult completes a job whose commands ran to their end. Repeating it for the
// same attempt has the same outcome.
// Errors: CodeStaleAttempt, CodeJobNotFound, CodeSuperseded, CodeInvalidField, CodePayloadTooLarge.
func (s *Service) SubmitResult(ctx context.Context, c Caller, r Report, res errand.Result) (errand.Status, error) {
	if err := res.Validate(); err != nil {
		return "", err
	}
	return s.submit(ctx, c, r, &res, func(st *errand.State, now time.Time) { st.Complete(now, &res) })
}

// SubmitFailure ends a job that could not be run to its end. If the worker is at fault
// and attempts are left, the job is pending again. Errors: as SubmitResult.
func (s *Service) SubmitFailure(ctx context.Context, c Caller, r Report, f errand.Failure) (errand.Status, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	return s.submit(ctx, c, r, f.Result, func(st *errand.State, now time.Time) { st.Fail(now, &f) })
}

// submit ends an attempt, then its ticket. After a crash in between, the ticket is
// delivered again and assignment deletes it.
func (s *Service) submit(ctx context.Context, c Caller, r Report, res *errand.Result, end func(*errand.State, time.Time)) (errand.Status, error) {
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return "", err
	}
	st, repeated, err := s.endAttempt(ctx, r, res, end)
	if err != nil {
		return "", err
	}
	var wg sync.WaitGroup
	if !repeated {
		wg.Go(func() { s.unhold(ctx, w, r.Epoch, []errand.AttemptID{{JobID: r.JobID, Attempt: r.Attempt}}) })
	}
	s.finishTicket(ctx, st) // also of a report that came before: what is lost may have been this
	wg.Wait()
	// A worker with one slot polls for the next job by itself. One with more may wait
	// at the bell with the others. If this ring and the response are lost, the worker
	// reports again, and it rings again.
	if w.Draining || w.Slots > 1 {
		s.ringForNext(ctx, st)
	}
	s.settle(ctx, st)
	return st.View(s.now()).Status, nil
}

// endAttempt writes the result, then the state (a small result is part of it). repeated
// says that the attempt had been reported before.
func (s *Service) endAttempt(ctx context.Context, r Report, res *errand.Result, end func(*errand.State, time.Time)) (st errand.StateRecord, repeated bool, err error) {
	st, err = s.change(ctx, r.JobID, func(st *errand.State, now time.Time) (bool, error) {
		old := st.Record()
		if !old.HeldBy(r.WorkerID, r.Attempt) {
			return false, errStale(r, old)
		}
		if repeated = old.Reported(); repeated {
			return false, nil
		}
		end(st, now)
		if res != nil && st.Record().Result == nil {
			if err := s.Store.PutResult(ctx, r.JobID, r.Attempt, res); err != nil {
				return false, unavailable("keep the result", err)
			}
		}
		return true, nil
	})
	return st, repeated, err
}

// unhold removes attempts from the worker's record if it names them, so that the worker
// isn't shown as busy until its next heartbeat, which does the same. Errors are only
// logged.
func (s *Service) unhold(ctx context.Context, w *errand.Worker, epoch int, reported []errand.AttemptID) {
	if !slices.ContainsFunc(reported, w.Holding) {
		return
	}
	ctx = context.WithoutCancel(ctx) // the worker may leave with its next request
	err := s.changeWorker(ctx, w, epoch, func(w *errand.Worker) { w.Release(reported, s.now()) })
	if err != nil {
		s.Log.InfoContext(ctx, "worker's hold not removed", "worker", w.ID, "err", err)
	}
}

// finishTicket deletes the ticket of a job that has ended, and makes the ticket of a
// job that is pending again visible.
func (s *Service) finishTicket(ctx context.Context, st errand.StateRecord) {
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		return
	}
	if st.Waiting { // it has no ticket
		s.ringMany(ctx)
		return
	}
	if err := s.Queue.Hide(ctx, st.Queue, st.Handle, 0); err != nil {
		s.Log.InfoContext(ctx, "ticket of a job given back not shown; the sweep will", "job", st.JobID, "err", err)
		return
	}
	s.ringFor(ctx, st.Queue) // this worker has stopped
}

func errStale(r Report, st errand.StateRecord) error {
	return errand.Errorf(errand.CodeStaleAttempt, "attempt %d of job %s is not this worker's current one (attempt %d is current): discard it", r.Attempt, r.JobID, st.Attempt)
}
