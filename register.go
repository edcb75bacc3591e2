package errand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// casAttempts is how often a write is tried again that another came before.
const casAttempts = 8

// MaxSlots is how many jobs a worker may run at a time.
const MaxSlots = MaxHolds

// Register takes in a worker process: a new worker, or a known one whose token
// it has. Each registration begins a new epoch, and supersedes older processes
// under the same ID. Errors: CodeInvalidField, CodeForbidden, CodeWorkerNotFound.
func (s *Service) Register(ctx context.Context, c Caller, r Registration) (Registered, error) {
	made := r.WorkerID == ""
	if made {
		r.WorkerID = s.NewID(s.now())
		r.Token = NewToken(RoleWorker, r.WorkerID)
	}
	if err := s.validateRegistration(c, &r); err != nil {
		return Registered{}, err
	}
	w, err := s.registerWorker(ctx, c, r)
	if err != nil {
		return Registered{}, err
	}
	out := Registered{
		WorkerID: w.ID, Epoch: w.Epoch, Queues: w.Queues, HeartbeatMs: s.Timing.Heartbeat.Milliseconds(),
		PollWait: int(s.Timing.PollWait.Seconds()), PollIntervalMs: s.Timing.PollInterval.Milliseconds(),
		Bell: s.bell(w),
	}
	if made {
		out.Token = r.Token
	}
	return out, nil
}

func (s *Service) validateRegistration(c Caller, r *Registration) error {
	if !workerRE.MatchString(r.WorkerID) {
		return invalid("workerId", "workerId must match %s", WorkerPattern)
	}
	if id, _ := workerOfToken(r.Token); !wtokenRE.MatchString(r.Token) || id != r.WorkerID {
		return invalid("token", "token must be the worker's own: erw_<workerId>.<secret>, the secret of 32 or more letters, digits, - and _; leave out both workerId and token to be given new ones")
	}
	if err := validateText("name", r.Name, MaxNameRunes); err != nil {
		return err
	}
	for _, f := range []struct{ field, value string }{{"os", r.OS}, {"arch", r.Arch}, {"version", r.Version}} {
		if err := validateText(f.field, f.value, 64); err != nil {
			return err
		}
	}
	if r.Slots == 0 {
		r.Slots = 1
	}
	if err := between("slots", r.Slots, 1, MaxSlots); err != nil {
		return err
	}
	return s.validateQueues(c, r)
}

// validateQueues makes r.Queues the queues that the worker will be given jobs of.
func (s *Service) validateQueues(c Caller, r *Registration) error {
	for i, q := range r.Queues {
		field := fmt.Sprintf("queues[%d]", i)
		if !slices.Contains(s.Queues, q) {
			return invalid(field, "there is no queue %q on this server", q)
		}
		if !c.MayUse(q) {
			return &Error{Code: CodeForbidden, Field: field, Message: fmt.Sprintf("the token may not use the queue %q", q)}
		}
	}
	if len(r.Queues) > 0 {
		return nil
	}
	for _, q := range s.Queues {
		if c.MayUse(q) {
			r.Queues = append(r.Queues, q)
		}
	}
	if len(r.Queues) == 0 {
		return &Error{Code: CodeForbidden, Field: "queues", Message: fmt.Sprintf("the token may use none of this server's queues, which are %q", s.Queues)}
	}
	return nil
}

func (s *Service) registerWorker(ctx context.Context, c Caller, r Registration) (*Worker, error) {
	for range casAttempts {
		w, err := s.Store.Worker(ctx, r.WorkerID)
		switch {
		case errors.Is(err, ErrNotFound):
			w = &Worker{ID: r.WorkerID, Owner: c.Owner, TokenHash: HashToken(r.Token), RegisteredAt: s.now()}
		case err != nil:
			return nil, unavailable("read the worker", err)
		case w.Owner != c.Owner:
			return nil, errWorkerNotFound(r.WorkerID)
		case !sameHash(w.TokenHash, r.Token):
			return nil, &Error{Code: CodeForbidden, Field: "token", Message: "this worker is registered with another token; a data directory keeps both ID and token"}
		}
		w.Name, w.Slots, w.Queues, w.OS, w.Arch, w.Version = r.Name, r.Slots, r.Queues, r.OS, r.Arch, r.Version
		if w.Name == "" {
			w.Name = w.ID
		}
		w.Epoch++
		w.LastSeen, w.Interval, w.Draining, w.Holds = s.now(), s.Timing.Heartbeat, false, nil
		err = s.Store.PutWorker(ctx, w)
		if err == nil {
			return w, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, unavailable("keep the worker", err)
		}
	}
	return nil, errBusy("worker " + r.WorkerID)
}

func errWorkerNotFound(id string) error {
	return Errorf(CodeWorkerNotFound, "there is no worker %q", id)
}

func errBusy(what string) error {
	return Errorf(CodeConflict, "%s is being changed by others; try again", what)
}

// workerOf is the worker that the caller is, in the epoch that it says.
func (s *Service) workerOf(ctx context.Context, c Caller, id string, epoch int) (*Worker, error) {
	if c.Role != RoleWorker || c.WorkerID != id {
		return nil, errWorkerNotFound(id)
	}
	w := c.worker
	if w == nil {
		return s.readWorker(ctx, id, epoch)
	}
	return w, checkEpoch(w, epoch)
}

func (s *Service) readWorker(ctx context.Context, id string, epoch int) (*Worker, error) {
	w, err := s.Store.Worker(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, errWorkerNotFound(id)
	}
	if err != nil {
		return nil, unavailable("read the worker", err)
	}
	return w, checkEpoch(w, epoch)
}

func checkEpoch(w *Worker, epoch int) error {
	switch {
	case epoch < 1 || epoch > w.Epoch:
		return invalid("epoch", "epoch must be the one that registration answered")
	case epoch < w.Epoch:
		return Errorf(CodeSuperseded, "a newer process runs as worker %s (epoch %d, yours is %d): stop", w.ID, w.Epoch, epoch)
	}
	return nil
}

// changeWorker writes what f makes of the worker, reading it again where
// another write came first. w may be stale; it is updated.
func (s *Service) changeWorker(ctx context.Context, w *Worker, epoch int, f func(*Worker)) error {
	for range casAttempts {
		f(w)
		err := s.Store.PutWorker(ctx, w)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return unavailable("keep the worker", err)
		}
		fresh, err := s.readWorker(ctx, w.ID, epoch)
		if err != nil {
			return err
		}
		*w = *fresh
	}
	return errBusy("worker " + w.ID)
}

// Workers lists a page of the workers that may take jobs of a queue that the
// caller may use.
func (s *Service) Workers(ctx context.Context, c Caller, cursor string, limit int) ([]Worker, string, error) {
	all, next, err := s.Store.Workers(ctx, cursor, limit)
	if err != nil {
		return nil, "", unavailable("list the workers", err)
	}
	seen := all[:0]
	for _, w := range all {
		if slices.ContainsFunc(w.Queues, c.MayUse) {
			seen = append(seen, w)
		}
	}
	return seen, next, nil
}

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
