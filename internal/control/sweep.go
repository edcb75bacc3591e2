package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// maxSweep is the most jobs of one sweep. The next one continues.
const maxSweep = 2000

// DueRecords finds the jobs and schedules that the sweep should look at.
type DueRecords interface {
	// Due calls f with the jobs and schedules whose DueAt is not after t, until f returns
	// false. Those that are due for longest come early, but no flood hides the others. It
	// may lag behind, and misses nothing for good.
	Due(ctx context.Context, t time.Time, f func(DueRecord) bool) error
}

// DueRecord names a job, or a schedule.
type DueRecord struct {
	JobID    string // empty: it is a schedule
	Schedule errand.ScheduleKey
}

// SweepReport counts what a sweep did.
type SweepReport struct {
	Looked, Resent, Lost, Cancelled, Expired int
	Scheduled                                int // jobs that schedules started
}

// Sweep handles jobs that are due: it sends tickets again that may be lost, ends
// expired leases if no worker polls, and fails jobs that waited too long. It starts the
// jobs of schedules. If a job or a schedule fails to be handled, the next sweep tries again.
func (s *Service) Sweep(ctx context.Context) (SweepReport, error) {
	var report SweepReport
	err := s.Store.Due(ctx, s.now(), func(due DueRecord) bool {
		if due.JobID == "" {
			if err := s.sweepSchedule(ctx, due.Schedule, &report); err != nil {
				s.Log.WarnContext(ctx, "sweep", "schedule", due.Schedule.Ref(), "err", err)
			}
			return ctx.Err() == nil
		}
		report.Looked++
		if err := s.sweepJob(ctx, due.JobID, &report); err != nil {
			s.Log.WarnContext(ctx, "sweep", "job", due.JobID, "err", err)
		}
		return report.Looked < maxSweep && ctx.Err() == nil
	})
	if err != nil {
		return report, unavailable("list what is due", err)
	}
	return report, nil
}

// sweepJob handles one job. It sends the ticket before it writes the state, since an
// extra ticket does no harm.
func (s *Service) sweepJob(ctx context.Context, id string, report *SweepReport) error {
	count := new(int)
	st, err := s.change(ctx, id, func(st *errand.State, now time.Time) (write bool, err error) {
		if due := st.Record().DueAt; due.IsZero() || due.After(now) {
			return false, nil // the index lags behind
		}
		if r := st.Record(); r.Held && r.Status == errand.Pending || r.NeedsSettling() {
			return false, nil // below
		}
		count, err = s.sweepState(ctx, st, now, report)
		return true, err
	})
	if err != nil {
		return err
	}
	*count++
	switch {
	case st.Status.Terminal():
		s.dropTicketOf(ctx, st)
		s.ringForNext(ctx, st)
		s.settle(ctx, st)
	case st.Held:
		return s.releaseHeld(ctx, id)
	}
	return nil
}

// sweepState makes the change that is due, and returns the counter of the report for
// it.
func (s *Service) sweepState(ctx context.Context, st *errand.State, now time.Time, report *SweepReport) (*int, error) {
	switch {
	case st.Expire(now, s.Timing):
		return &report.Expired, nil
	case st.EndLease(now):
		if st.Record().Status == errand.Cancelled {
			return &report.Cancelled, nil
		}
		return &report.Lost, nil
	case st.Assignable(now):
		return &report.Resent, s.resend(ctx, st, now)
	}
	st.Swept() // the lease was renewed since, or the job is over
	return new(int), nil
}

// resendWaiting makes sure that workers find a job by its kind, and wakes some.
func (s *Service) resendWaiting(ctx context.Context, st *errand.State, now time.Time) error {
	r := st.Record()
	names, err := s.queueNames(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(names, r.Queue) {
		st.QueueDeleted(now)
		return nil
	}
	spec, _, err := s.Store.Job(ctx, r.JobID)
	if err != nil {
		return unavailable("read the job", err)
	}
	if err := s.addKind(ctx, r.Queue, spec.Requirements(), true); err != nil {
		return err
	}
	st.TicketSent(now, s.Timing)
	s.ringMany(ctx)
	return nil
}

// resend makes sure that a ticket of the job can be received. It makes the delivered
// ticket visible, trying every minute while that is hidden. If it can't, or if the job
// never ran, it sends one; SQS drops that if the first was sent within five minutes.
func (s *Service) resend(ctx context.Context, st *errand.State, now time.Time) error {
	r := st.Record()
	if st.Wait(now, s.Timing) || r.Waiting && now.Before(r.HiddenUntil) {
		return s.resendWaiting(ctx, st, now)
	}
	if r.Handle != "" {
		err := s.Queue.Hide(ctx, r.Queue, r.Handle, 0)
		if err == nil {
			st.TicketShown(now, s.Timing)
			s.ringFor(ctx, r.Queue)
			return nil
		}
		if now.Before(r.HiddenUntil) { // another one would wait in its group behind this
			st.TicketFailed(now, s.Timing)
			return nil
		}
	}
	dedup := r.JobID
	if r.Attempt > 0 {
		dedup = fmt.Sprintf("%s-%d", r.JobID, r.Attempt)
	}
	err := s.Queue.Send(ctx, r.Queue, r.MessageGroupID, dedup, r.JobID)
	if errors.Is(err, ErrNotFound) {
		st.QueueDeleted(now)
		return nil
	}
	if err != nil {
		return unavailable("send the ticket", err)
	}
	st.TicketSent(now, s.Timing)
	s.ringFor(ctx, r.Queue)
	return nil
}
