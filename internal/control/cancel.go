package control

import (
	"context"

	"github.com/errandhq/errand"
)

// Cancel ends a job that waits. Of one that runs it asks for the end: the job
// becomes cancelled when its worker reports, or its lease ends, so that the
// next job of its group never begins while its process lives. Cancelling again changes nothing.
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
	}
	return s.Job(ctx, c, id)
}
