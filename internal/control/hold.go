package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/errandhq/errand"
)

// DependentStore stores which jobs wait for which.
type DependentStore interface {
	// AddDependent notes that a job waits for another. It may be repeated.
	AddDependent(ctx context.Context, awaited, dependent string) error
	// Dependents lists the jobs that wait, or waited, for a job, in the order of their IDs
	// from the one after an ID on. One that was never created may be among them.
	Dependents(ctx context.Context, awaited, after string) ([]string, error)
}

// prepareHold checks what a new job waits for. Errors: CodeInvalidField, CodeJobNotFound,
// also for another owner's job.
func (s *Service) prepareHold(ctx context.Context, c Caller, spec *errand.Spec) error {
	spec.NotBefore = spec.NotBefore.UTC().Truncate(time.Millisecond)
	if latest := s.now().Add(s.Timing.HoldLimit); spec.NotBefore.After(latest) {
		return errand.InvalidField("notBefore", "notBefore must be at most %d days ahead, not after %s", int(s.Timing.HoldLimit.Hours()/24), latest.Format(time.RFC3339))
	}
	for i, d := range spec.After {
		var known *errand.Error
		if _, err := s.ownState(ctx, c, d.JobID); errors.As(err, &known) && known.Code == errand.CodeJobNotFound {
			return &errand.Error{Code: known.Code, Field: fmt.Sprintf("after[%d].jobId", i), Message: known.Message}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// addDependent notes at the jobs that a new job waits for that it does, before it exists:
// the end of each then finds it.
func (s *Service) addDependent(ctx context.Context, spec *errand.Spec) error {
	for _, d := range spec.After {
		if err := s.Store.AddDependent(ctx, d.JobID, spec.ID); err != nil {
			return unavailable("note that the job waits for another", err)
		}
		_, err := s.change(ctx, d.JobID, func(st *errand.State, _ time.Time) (bool, error) { return st.AddDependent(), nil })
		if err != nil && errand.CodeOf(err) != errand.CodeJobNotFound {
			return err
		}
	}
	return nil
}

// releaseHeld looks at a job that is held. If all that it waits for has happened, it writes
// that the job is released, which only one caller can, and then sends its ticket: if that
// fails, the sweep does.
func (s *Service) releaseHeld(ctx context.Context, id string) error {
	spec, state, err := s.Store.Job(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil // its creation failed, or looks again
	}
	if err != nil {
		return unavailable("read the job", err)
	}
	if r := state.Record(); !r.Held || r.Status != errand.Pending {
		return nil
	}
	verdict, message, err := s.judge(ctx, spec)
	if err != nil {
		return err
	}
	if verdict == errand.Met { // what it requires may have been forgotten since
		if err := s.placeJob(ctx, spec); err != nil {
			return err
		}
	}
	released := false
	st, err := s.change(ctx, id, func(st *errand.State, now time.Time) (bool, error) {
		released = false
		switch {
		case verdict == errand.Waiting: // a job whose time is 7 days ahead is not late
			return st.Expire(now, s.Timing) || st.Hold(time.Time{}, s.Timing), nil
		case verdict != errand.Met:
			return st.EndHeld(now, verdict, message), nil
		case now.Before(spec.NotBefore):
			return st.Hold(spec.NotBefore, s.Timing), nil
		}
		released = st.Release(now, spec.Placed() && spec.Group == "", s.Timing)
		return released, nil
	})
	if err != nil {
		return err
	}
	s.settle(ctx, st)
	if released {
		s.sendReleased(ctx, st)
	}
	return nil
}

// startHeld looks for the first time at a new job that is held, since a job that it waits
// for may have ended, and returns its state. If that fails, the sweep does.
func (s *Service) startHeld(ctx context.Context, spec *errand.Spec, st errand.StateRecord) errand.StateRecord {
	if len(spec.After) == 0 {
		return st
	}
	err := s.releaseHeld(ctx, spec.ID)
	if err == nil {
		var state *errand.State
		if state, err = s.Store.State(ctx, spec.ID); err == nil {
			return state.Record()
		}
	}
	s.Log.WarnContext(ctx, "job that waits not looked at; the sweep will", "job", spec.ID, "err", err)
	return st
}

func (s *Service) sendReleased(ctx context.Context, st errand.StateRecord) {
	if st.Waiting { // it needs no ticket
		s.ringMany(ctx)
		return
	}
	if err := s.Queue.Send(ctx, st.Queue, st.MessageGroupID, st.JobID, st.JobID); err != nil {
		s.Log.WarnContext(ctx, "ticket not sent; the sweep will", "job", st.JobID, "err", err)
		return
	}
	s.ringFor(ctx, st.Queue)
}

// judge says whether what the job waits for has happened, can happen, or why not.
func (s *Service) judge(ctx context.Context, spec *errand.Spec) (worst errand.Verdict, message string, err error) {
	for _, d := range spec.After {
		state, err := s.Store.State(ctx, d.JobID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return errand.Waiting, "", unavailable("read a job that it waits for", err)
		}
		var st *errand.StateRecord
		if err == nil {
			r := state.Record()
			st = &r
		}
		v := d.Judge(st)
		if v <= worst {
			continue
		}
		worst = v
		switch {
		case v == errand.Abandoned:
			message = fmt.Sprintf("it waited for job %s, which was cancelled", d.JobID)
		case v == errand.Impossible && st == nil:
			message = fmt.Sprintf("it waited for job %s, which is gone", d.JobID)
		case v == errand.Impossible && st.Status == errand.Completed:
			message = fmt.Sprintf("it waited for the %s of job %s, which completed with exit code %d", d.On, d.JobID, *st.ExitCode)
		case v == errand.Impossible:
			message = fmt.Sprintf("it waited for the %s of job %s, which %s: %s", d.On, d.JobID, st.Status, st.Reason)
		}
	}
	return worst, message, nil
}

// settleTimeout bounds what the end of a job does for those that wait for it, in its own
// request. The sweep does the rest.
const settleTimeout = 10 * time.Second

// settling is the context's key of the time at which the request stops.
type settling struct{}

// settle looks at the jobs that waited for one that has ended. Errors are logged: the job
// stays due, so the sweep tries again.
func (s *Service) settle(ctx context.Context, st errand.StateRecord) {
	if !st.NeedsSettling() {
		return
	}
	if ctx.Value(settling{}) == nil {
		var cancel context.CancelFunc
		until := s.now().Add(settleTimeout)
		ctx, cancel = context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), settling{}, until), settleTimeout)
		defer cancel()
	}
	if err := s.settleAll(ctx, st.JobID, st.SettledTo); err != nil {
		s.Log.WarnContext(ctx, "jobs that waited not released; the sweep will", "job", st.JobID, "err", err)
	}
}

// errSettleTime: the jobs that waited are so many that the sweep must go on.
var errSettleTime = errors.New("the time for one request is over")

// settleAll looks at the jobs after an ID that waited for the job. Those before were looked
// at by requests whose time was over.
func (s *Service) settleAll(ctx context.Context, id, after string) error {
	dependents, err := s.Store.Dependents(ctx, id, after)
	if err != nil {
		return unavailable("list the jobs that wait", err)
	}
	until, _ := ctx.Value(settling{}).(time.Time)
	var errs []error
	for _, d := range dependents { // one that can't be released doesn't hold back the others
		if ctx.Err() != nil || s.now().After(until) {
			errs = append(errs, errSettleTime)
			break
		}
		if err := s.releaseHeld(ctx, d); err != nil {
			errs = append(errs, fmt.Errorf("job %s: %w", d, err))
		}
		if len(errs) == 0 {
			after = d
		}
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, s.noteSettled(ctx, id, after))
	}
	_, err = s.change(ctx, id, func(st *errand.State, now time.Time) (bool, error) { return st.Settled(now), nil })
	return err
}

// noteSettled stores where the sweep goes on.
func (s *Service) noteSettled(ctx context.Context, id, to string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	_, err := s.change(ctx, id, func(st *errand.State, _ time.Time) (bool, error) { return st.SettleTo(to), nil })
	return err
}

const noteTimeout = 5 * time.Second
