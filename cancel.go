package errand

import (
	"context"
	"time"
)

// Cancel ends a job that waits. Of one that runs it asks for the end: the job
// becomes cancelled when its worker reports, or its lease ends, so that a lane
// is never unblocked while its process lives. Cancelling again changes nothing.
// Errors: CodeJobNotFound, CodeJobFinished.
func (s *Service) Cancel(ctx context.Context, c Caller, id string) (Job, error) {
	if _, err := s.ownState(ctx, c, id); err != nil {
		return Job{}, err
	}
	st, err := s.change(ctx, id, cancel)
	if err != nil {
		return Job{}, err
	}
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		s.ringForNext(ctx, st)
	}
	return s.Job(ctx, c, id)
}

// cancel is Cancel's change of state.
func cancel(st *State, now time.Time) (write bool, err error) {
	switch {
	case st.Status == Cancelled || st.Status == Running && st.CancelRequested && now.Before(st.LeaseUntil):
		return false, nil
	case st.Status.Terminal() || st.View(now).Status == Failed:
		return false, Errorf(CodeJobFinished, "job %s is %s; there is nothing to cancel", st.JobID, st.View(now).Status)
	case st.Status == Running && now.Before(st.LeaseUntil):
		st.CancelRequested = true
	default:
		st.finish(now, Cancelled, ReasonCancelled, "")
	}
	return true, nil
}
