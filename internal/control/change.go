package control

import (
	"context"
	"errors"
	"time"

	"github.com/errandhq/errand"
)

// StateStore keeps what changes of a job.
type StateStore interface {
	// State reads the state alone. Errors: ErrNotFound.
	State(ctx context.Context, id string) (*errand.State, error)
	// PutState writes the state that was made of the record's revision, as the
	// next one, and calls its Saved. Errors: ErrConflict, if another write came first.
	PutState(ctx context.Context, s *errand.State) error
}

// change writes what f makes of a job's state, reading it again and asking f
// again where another write came first. f returns false to leave the state as
// it is. What stands on record then is returned. Errors: CodeJobNotFound, f's.
func (s *Service) change(ctx context.Context, id string, f func(st *errand.State, now time.Time) (bool, error)) (errand.StateRecord, error) {
	for range casAttempts {
		st, err := s.state(ctx, id)
		if err != nil {
			return errand.StateRecord{}, err
		}
		write, err := f(st, s.now())
		if err != nil || !write {
			return st.Record(), err
		}
		err = s.Store.PutState(ctx, st)
		if err == nil {
			return st.Record(), nil
		}
		if !errors.Is(err, ErrConflict) {
			return errand.StateRecord{}, unavailable("keep the job's state", err)
		}
	}
	return errand.StateRecord{}, errBusy("job " + id)
}

func (s *Service) state(ctx context.Context, id string) (*errand.State, error) {
	if !errand.ValidJobID(id) {
		return nil, errJobNotFound(id)
	}
	st, err := s.Store.State(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, errJobNotFound(id)
	}
	if err != nil {
		return nil, unavailable("read the job's state", err)
	}
	return st, nil
}

func errJobNotFound(id string) error {
	return errand.Errorf(errand.CodeJobNotFound, "there is no job %q", id)
}

// ownState is the state of a job that exists for the caller.
func (s *Service) ownState(ctx context.Context, c Caller, id string) (*errand.State, error) {
	st, err := s.state(ctx, id)
	if err == nil && !c.Sees(st.Record().Owner) {
		return nil, errJobNotFound(id)
	}
	return st, err
}

// dropTicketOf deletes the ticket of a job that is over. It is a side job: where
// it fails, the ticket comes again and assignment deletes it. While it is hidden
// its group waits, so the sweep tries again before that.
func (s *Service) dropTicketOf(ctx context.Context, st errand.StateRecord) {
	if st.Handle == "" {
		return
	}
	ctx = context.WithoutCancel(ctx)
	err := s.Queue.Delete(ctx, st.Queue, st.Handle)
	if err == nil {
		return
	}
	s.Log.WarnContext(ctx, "ticket not deleted", "job", st.JobID, "err", err)
	_, err = s.change(ctx, st.JobID, func(st *errand.State, now time.Time) (bool, error) {
		if r := st.Record(); !r.Status.Terminal() || !now.Before(r.HiddenUntil) {
			return false, nil
		}
		st.TicketFailed(now, s.Timing)
		return true, nil
	})
	if err != nil {
		s.Log.WarnContext(ctx, "ticket not noted for the sweep", "job", st.JobID, "err", err)
	}
}
