package control

import (
	"context"
	"time"

	"github.com/errandhq/errand"
)

// ResultStore keeps what attempts reported.
type ResultStore interface {
	// PutResult keeps what an attempt reported; the same one again is fine.
	PutResult(ctx context.Context, jobID string, attempt int, r *errand.Result) error
	// Result reads it. Errors: ErrNotFound.
	Result(ctx context.Context, jobID string, attempt int) (*errand.Result, error)
}

// Report says which attempt a result is of.
type Report struct {
	WorkerID string
	Epoch    int
	JobID    string
	Attempt  int
}

// SubmitResult ends a job whose commands ran to their end. Submitting the same
// attempt again is answered as the first time.
// Errors: CodeStaleAttempt, CodeJobNotFound, CodeSuperseded, CodeInvalidField, CodePayloadTooLarge.
func (s *Service) SubmitResult(ctx context.Context, c Caller, r Report, res errand.Result) (errand.Status, error) {
	if err := res.Validate(); err != nil {
		return "", err
	}
	return s.submit(ctx, c, r, &res, func(st *errand.State, now time.Time) { st.Complete(now, &res) })
}

// SubmitFailure ends a job that could not be run to its end, or gives it back
// where the worker is at fault and attempts are left. Errors: as SubmitResult.
func (s *Service) SubmitFailure(ctx context.Context, c Caller, r Report, f errand.Failure) (errand.Status, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	return s.submit(ctx, c, r, f.Result, func(st *errand.State, now time.Time) { st.Fail(now, &f) })
}

// submit writes the result, then the state that end makes, then deletes the
// ticket. A crash in between redelivers the ticket, and assignment deletes it.
func (s *Service) submit(ctx context.Context, c Caller, r Report, res *errand.Result, end func(*errand.State, time.Time)) (errand.Status, error) {
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return "", err
	}
	done := false // the attempt had been reported before
	st, err := s.change(ctx, r.JobID, func(st *errand.State, now time.Time) (bool, error) {
		old := st.Record()
		if !old.HeldBy(r.WorkerID, r.Attempt) {
			return false, errStale(r, old)
		}
		if done = old.Reported(); done {
			return false, nil
		}
		if res != nil {
			if err := s.Store.PutResult(ctx, r.JobID, r.Attempt, res); err != nil {
				return false, unavailable("keep the result", err)
			}
		}
		end(st, now)
		return true, nil
	})
	if err != nil {
		return "", err
	}
	s.finishTicket(ctx, st) // also of a report that came before: what is lost may have been this
	if !done {
		s.unhold(ctx, w, r)
	}
	// A worker whose only slot this was asks for the next job by itself; one with
	// others may be at the bell with them. A ring that is lost with the answer is
	// made good when the report comes again.
	if w.Draining || w.Slots > 1 {
		s.ringForNext(ctx, st)
	}
	return st.View(s.now()).Status, nil
}

// unhold takes the attempt off the worker's record, so that it isn't shown as
// busy until its next heartbeat. It is a side job: that heartbeat does the same.
func (s *Service) unhold(ctx context.Context, w *errand.Worker, r Report) {
	err := s.changeWorker(ctx, w, r.Epoch, func(w *errand.Worker) { w.Release(r.JobID, r.Attempt, s.now()) })
	if err != nil {
		s.Log.InfoContext(ctx, "worker's hold not removed", "worker", w.ID, "err", err)
	}
}

// finishTicket deletes the ticket of a job that is over, and shows that of one
// that was given back.
func (s *Service) finishTicket(ctx context.Context, st errand.StateRecord) {
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		return
	}
	if err := s.Queue.Hide(ctx, st.Queue, st.Handle, 0); err != nil {
		s.Log.InfoContext(ctx, "ticket of a job given back not shown; the sweep will", "job", st.JobID, "err", err)
		return
	}
	s.ring(ctx, st.Queue) // this worker has stopped
}

func errStale(r Report, st errand.StateRecord) error {
	return errand.Errorf(errand.CodeStaleAttempt, "attempt %d of job %s is not this worker's current one (attempt %d is current): discard it", r.Attempt, r.JobID, st.Attempt)
}
