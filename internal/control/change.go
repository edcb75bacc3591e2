package control

import (
	"context"
	"errors"
	"time"

	"github.com/errandhq/errand"
)

// StateStore stores the states of jobs.
type StateStore interface {
	// State reads a job's state. Errors: ErrNotFound.
	State(ctx context.Context, id string) (*errand.State, error)
	// PutState writes the state as the next revision and calls Saved. Errors:
	// ErrConflict, if the stored revision isn't the one that was read.
	PutState(ctx context.Context, s *errand.State) error
}

// change reads a job's state, lets f change it and writes it, and starts again after
// a conflict. If f returns false, nothing is written. change returns the stored
// state. Errors: CodeJobNotFound, f's.
func (s *Service) change(ctx context.Context, id string, f func(st *errand.State, now time.Time) (bool, error)) (errand.StateRecord, error) {
	for range casAttempts {
		_, st := s.Changes.recent.get(id, s.now())
		recent := st != nil
		if !recent {
			var err error
			if st, err = s.state(ctx, id); err != nil {
				return errand.StateRecord{}, err
			}
		}
		before := st.Record()
		write, err := f(st, s.now())
		if recent && (err != nil || !write) { // no write shows whether it is the stored one
			s.Changes.recent.forget(id)
			continue
		}
		if err != nil || !write {
			return st.Record(), err
		}
		err = s.Store.PutState(ctx, st)
		if err == nil {
			s.logChange(ctx, before, st.Record())
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

// ownState returns the state of a job that the caller may see.
func (s *Service) ownState(ctx context.Context, c Caller, id string) (*errand.State, error) {
	st, err := s.state(ctx, id)
	if err == nil && !c.Sees(st.Record().Owner) {
		return nil, errJobNotFound(id)
	}
	return st, err
}

// dropTicketOf deletes the ticket of a job that has ended. If that fails, the ticket
// is delivered again and assignment deletes it. Until then the job's group waits, so
// the sweep tries earlier.
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
