package control

import (
	"context"
	"fmt"
	"github.com/errandhq/errand"
	"time"
)

// maxSweep bounds what one sweep looks at; the next one goes on.
const maxSweep = 2000

// SweepReport counts what a sweep did.
type SweepReport struct {
	Looked, Resent, Lost, Cancelled, Expired int
}

// Sweep looks after jobs that are due: it sends tickets again that may be lost,
// ends leases that ran out though nobody asked for work, and fails jobs that
// waited too long. A job whose turn fails is looked at by the next sweep.
func (s *Service) Sweep(ctx context.Context) (SweepReport, error) {
	var report SweepReport
	err := s.Store.DueJobs(ctx, s.now(), func(id string) bool {
		report.Looked++
		if err := s.sweepJob(ctx, id, &report); err != nil {
			s.Log.WarnContext(ctx, "sweep", "job", id, "err", err)
		}
		return report.Looked < maxSweep && ctx.Err() == nil
	})
	if err != nil {
		return report, unavailable("list the jobs that are due", err)
	}
	return report, nil
}

// sweepJob does what is due for one job. Tickets are sent before the state is
// written: a ticket too many does no harm.
func (s *Service) sweepJob(ctx context.Context, id string, report *SweepReport) error {
	count := new(int)
	st, err := s.change(ctx, id, func(st *errand.State, now time.Time) (write bool, err error) {
		if st.DueAt.IsZero() || st.DueAt.After(now) {
			return false, nil // the index lags behind
		}
		count, err = s.settle(ctx, st, now, report)
		return true, err
	})
	if err != nil {
		return err
	}
	*count++
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		s.ringForNext(ctx, st)
	}
	return nil
}

// settle makes the change that is due, and says which number of the report
// counts it.
func (s *Service) settle(ctx context.Context, st *errand.State, now time.Time, report *SweepReport) (*int, error) {
	if st.Overdue(now, s.Timing) {
		st.Finish(now, errand.Failed, errand.ReasonExpired, expiredMessage)
		return &report.Expired, nil
	}
	switch st.Ticket(now) {
	case errand.AdoptHandle: // the lease was renewed since
		st.DueAt = st.LeaseUntil
	case errand.EndCancelled:
		st.Finish(now, errand.Cancelled, errand.ReasonCancelled, "")
		return &report.Cancelled, nil
	case errand.EndLost:
		st.Finish(now, errand.Failed, errand.ReasonLost, errand.LostMessage)
		return &report.Lost, nil
	case errand.AssignFirst, errand.Reassign, errand.AssignAgain:
		return &report.Resent, s.resend(ctx, st, now)
	case errand.DropTicket:
		st.DueAt = time.Time{}
	}
	return new(int), nil
}

// resend makes sure that a ticket of the job can be received: the one that was
// given out is shown again, or tried to be each minute while it is hidden; where
// that can't be done, and for a job that never ran, one is sent. SQS drops it if
// the first one came within five minutes.
func (s *Service) resend(ctx context.Context, st *errand.State, now time.Time) error {
	st.DueAt = now.Add(s.Timing.ResendEvery)
	if expiry := st.CreatedAt.Add(s.Timing.ExpireAfter); st.Attempt == 0 && expiry.Before(st.DueAt) {
		st.DueAt = expiry
	}
	if st.Handle != "" {
		err := s.Queue.Hide(ctx, st.Queue, st.Handle, 0)
		if err == nil {
			st.HoldUntil = now
			s.ring(ctx, st.Queue)
			return nil
		}
		if now.Before(st.HoldUntil) { // another one would wait in its lane behind this
			st.DueAt = now.Add(s.Timing.ResendAfter)
			return nil
		}
	}
	dedup := st.JobID
	if st.Attempt > 0 {
		dedup = fmt.Sprintf("%s-%d", st.JobID, st.Attempt)
	}
	if err := s.Queue.Send(ctx, st.Queue, st.Lane, dedup, st.JobID); err != nil {
		return unavailable("send the ticket", err)
	}
	s.ring(ctx, st.Queue)
	return nil
}
