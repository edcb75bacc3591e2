package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// casAttempts is how often a conditional write is tried.
const casAttempts = 8

// Register registers a worker process: a new worker, or a known one, which needs its
// token. Each registration starts a new epoch and supersedes older processes with the
// same ID. Errors: CodeInvalidField, CodeForbidden, CodeWorkerNotFound.
func (s *Service) Register(ctx context.Context, c Caller, r errand.Registration) (errand.Registered, error) {
	made := r.WorkerID == ""
	if made {
		r.WorkerID = s.NewID(s.now())
		r.Token = errand.NewToken(errand.RoleWorker, r.WorkerID)
	}
	if err := r.Validate(); err != nil {
		return errand.Registered{}, err
	}
	fixed(c, &r)
	if err := s.validateQueues(ctx, c, &r); err != nil {
		return errand.Registered{}, err
	}
	w, err := s.registerWorker(ctx, c, r)
	if err != nil {
		return errand.Registered{}, err
	}
	queues, err := s.QueuesOf(ctx, w)
	if err != nil {
		return errand.Registered{}, err
	}
	out := errand.Registered{
		WorkerID: w.ID, Epoch: w.Epoch, Queues: queues, HeartbeatMs: s.Timing.Heartbeat.Milliseconds(),
		PollWait: int(s.Timing.PollWait.Seconds()), PollIntervalMs: s.Timing.PollInterval.Milliseconds(),
		Bell: s.bell(),
	}
	if made {
		out.Token = r.Token
	}
	return out, nil
}

// fixed replaces the name and labels that the agent claims by those that its token fixes.
func fixed(c Caller, r *errand.Registration) {
	if c.WorkerName != "" {
		r.Name = c.WorkerName
	}
	if len(c.Labels) == 0 {
		return
	}
	labels := maps.Clone(c.Labels)
	for _, name := range []string{errand.LabelCPUs, errand.LabelMemory} {
		if value, ok := r.Labels[name]; ok && labels[name] == "" {
			labels[name] = value
		}
	}
	r.Labels = labels
}

// validateQueues checks the queues that the worker wants. Without any, it gets all that
// its token may use: r.Queues is empty if that is all there are, now and later.
func (s *Service) validateQueues(ctx context.Context, c Caller, r *errand.Registration) error {
	for i, q := range r.Queues {
		field := fmt.Sprintf("queues[%d]", i)
		if err := s.checkQueue(ctx, c, field, q); err != nil {
			return err
		}
	}
	if len(r.Queues) > 0 || len(c.Queues) == 0 {
		return nil
	}
	r.Queues = c.Queues
	names, err := s.queueNames(ctx)
	if err == nil && !slices.ContainsFunc(names, c.MayUse) {
		return &errand.Error{Code: errand.CodeForbidden, Field: "queues", Message: fmt.Sprintf("this server has none of the queues that the token may use: %s", strings.Join(c.Queues, ", "))}
	}
	return err
}

// QueuesOf returns the names of the queues that the worker takes from, in its order.
func (s *Service) QueuesOf(ctx context.Context, w *errand.Worker) ([]string, error) {
	own, err := s.queuesOf(ctx, w)
	return queueNames(own), err
}

// QueuesSeen is QueuesOf without those that the caller may not use.
func (s *Service) QueuesSeen(ctx context.Context, c Caller, w *errand.Worker) ([]string, error) {
	names, err := s.QueuesOf(ctx, w)
	return slices.DeleteFunc(names, func(q string) bool { return !c.MayUse(q) }), err
}

// queuesOf returns the queues that the worker takes from, in its order.
func (s *Service) queuesOf(ctx context.Context, w *errand.Worker) ([]errand.Queue, error) {
	all, err := s.queues(ctx, queueListAge)
	if err != nil || len(w.Queues) == 0 {
		return all, err
	}
	var own []errand.Queue
	for _, name := range w.Queues {
		if i := slices.IndexFunc(all, func(q errand.Queue) bool { return q.Name == name }); i >= 0 {
			own = append(own, all[i])
		}
	}
	return own, nil
}

func (s *Service) registerWorker(ctx context.Context, c Caller, r errand.Registration) (*errand.Worker, error) {
	for range casAttempts {
		w, err := s.Store.Worker(ctx, r.WorkerID)
		switch {
		case errors.Is(err, ErrNotFound):
			w = &errand.Worker{ID: r.WorkerID, Owner: c.Owner, TokenHash: errand.HashToken(r.Token), RegisteredAt: s.now()}
		case err != nil:
			return nil, unavailable("read the worker", err)
		case w.Owner != c.Owner:
			return nil, errWorkerNotFound(r.WorkerID)
		case !sameHash(w.TokenHash, r.Token):
			if err := checkReplace(c, r, w, s.now()); err != nil {
				return nil, err
			}
			w.TokenHash = errand.HashToken(r.Token)
		}
		w.Start(r, s.now(), s.Timing.Heartbeat)
		err = s.Store.PutWorker(ctx, w)
		if err == nil {
			return w, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			return nil, unavailable("keep the worker", err)
		}
	}
	return nil, errBusy("worker " + r.WorkerID)
}

// checkReplace returns nil if the worker may get r's token instead of its own.
func checkReplace(c Caller, r errand.Registration, w *errand.Worker, now time.Time) error {
	if !r.Replace {
		return &errand.Error{Code: errand.CodeForbidden, Field: "token", Message: fmt.Sprintf("the worker %s is registered with another token, which is in the data directory of the agent that registered it; each agent needs an ID and a data directory of its own", w.ID)}
	}
	if len(w.Queues) == 0 && len(c.Queues) > 0 {
		return &errand.Error{Code: errand.CodeForbidden, Field: "replace", Message: fmt.Sprintf("the token may not use all queues, as the worker %s may, and so can't replace it", w.ID)}
	}
	for _, q := range w.Queues {
		if !c.MayUse(q) {
			return &errand.Error{Code: errand.CodeForbidden, Field: "replace", Message: fmt.Sprintf("the token may not use all queues of the worker %s, and so can't replace it", w.ID)}
		}
	}
	if w.InUse(now) {
		return &errand.Error{Code: errand.CodeConflict, Field: "workerId", Message: fmt.Sprintf("the worker %s is online: another agent uses this ID; it can be replaced once it was stopped or has not been heard from for %v", w.ID, w.OfflineAfter())}
	}
	return nil
}

func errWorkerNotFound(id string) error {
	return errand.Errorf(errand.CodeWorkerNotFound, "there is no worker %q", id)
}
