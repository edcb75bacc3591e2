package control

import (
	"context"

	"github.com/errandhq/errand"
)

// Cancel cancels a pending job, and requests the cancellation of a running one. That
// becomes cancelled when its worker reports or its lease ends, so that the next job
// of its group never starts while its processes run. Cancel is idempotent.
// Errors: CodeJobNotFound, CodeJobFinished.
func (s *Service) Cancel(ctx context.Context, c Caller, id string) (errand.Job, error) {
	if _, err := s.ownState(ctx, c, id); err != nil {
		return errand.Job{}, err
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
