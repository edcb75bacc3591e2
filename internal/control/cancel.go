package control

import (
	"context"

	"github.com/errandhq/errand"
)

// Cancel cancels a pending job, and requests the cancellation of a running one. That
// becomes cancelled when its worker reports or its lease ends, so that the next job
// of its group never starts while its processes run. Cancel is idempotent.
// A direct run can't be cancelled, since nobody can tell its process: it ends soon.
// Errors: CodeJobNotFound, CodeJobFinished, CodeInvalidField.
func (s *Service) Cancel(ctx context.Context, c Caller, id string) (errand.Job, error) {
	old, err := s.ownState(ctx, c, id)
	if err != nil {
		return errand.Job{}, err
	}
	if r := old.Record(); r.Direct() && !r.View(s.now()).Status.Terminal() {
		return errand.Job{}, errand.InvalidField("jobId", "job %s runs in direct mode and can't be cancelled; it ends after at most %d seconds", id, errand.MaxDirectSeconds)
	}
	st, err := s.change(ctx, id, (*errand.State).Cancel)
	if err != nil {
		return errand.Job{}, err
	}
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		s.ringForNext(ctx, st)
		s.settle(ctx, st)
	}
	return s.Job(ctx, c, id)
}
