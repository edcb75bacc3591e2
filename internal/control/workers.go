package control

import (
	"context"
	"errors"
	"slices"

	"github.com/errandhq/errand"
)

// WorkerStore stores workers.
type WorkerStore interface {
	// Worker reads a worker. Errors: ErrNotFound.
	Worker(ctx context.Context, id string) (*errand.Worker, error)
	// PutWorker writes the worker as the revision after w.Rev (0: a new worker)
	// and increments w.Rev. Errors: ErrConflict, and then w becomes what is stored;
	// ErrNotFound, if that is nothing.
	PutWorker(ctx context.Context, w *errand.Worker) error
	// DeleteWorker removes the worker, if its revision is w.Rev. It may be repeated.
	// Errors: ErrConflict.
	DeleteWorker(ctx context.Context, w *errand.Worker) error
	// Workers lists a page of workers from cursor on ("": the first), in no order.
	// It may lag behind.
	Workers(ctx context.Context, cursor string, limit int) (workers []errand.Worker, next string, err error)
}

// workerOf returns the caller's worker record, if its epoch is current.
func (s *Service) workerOf(ctx context.Context, c Caller, id string, epoch int) (*errand.Worker, error) {
	if c.Role != errand.RoleWorker || c.WorkerID != id {
		return nil, errWorkerNotFound(id)
	}
	w := c.worker
	if w == nil {
		return s.readWorker(ctx, id, epoch)
	}
	return w, checkEpoch(w, epoch)
}

func (s *Service) readWorker(ctx context.Context, id string, epoch int) (*errand.Worker, error) {
	w, err := s.Store.Worker(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, errWorkerNotFound(id)
	}
	if err != nil {
		return nil, unavailable("read the worker", err)
	}
	return w, checkEpoch(w, epoch)
}

func checkEpoch(w *errand.Worker, epoch int) error {
	switch {
	case epoch < 1 || epoch > w.Epoch:
		return errand.InvalidField("epoch", "epoch must be the one that the registration returned")
	case epoch < w.Epoch:
		return errand.Errorf(errand.CodeSuperseded, "a newer process runs as worker %s (epoch %d, yours is %d): stop", w.ID, w.Epoch, epoch)
	}
	return nil
}

// changeWorker lets f change the worker and writes it; after a conflict it tries again
// with the stored worker. w may be stale, and is updated.
func (s *Service) changeWorker(ctx context.Context, w *errand.Worker, epoch int, f func(*errand.Worker)) error {
	for range casAttempts {
		f(w)
		err := s.Store.PutWorker(ctx, w)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrNotFound):
			return errWorkerNotFound(w.ID)
		case !errors.Is(err, ErrConflict):
			return unavailable("keep the worker", err)
		}
		if err := checkEpoch(w, epoch); err != nil {
			return err
		}
	}
	return errBusy("worker " + w.ID)
}

// seesWorker reports whether the caller may know of the worker: it takes jobs of a queue that the
// caller may use.
func (c Caller) seesWorker(w *errand.Worker) bool {
	return len(w.Queues) == 0 || slices.ContainsFunc(w.Queues, c.MayUse)
}

// Workers lists a page of the workers of queues that the caller may use.
func (s *Service) Workers(ctx context.Context, c Caller, cursor string, limit int) ([]errand.Worker, string, error) {
	all, next, err := s.Store.Workers(ctx, cursor, limit)
	if err != nil {
		return nil, "", unavailable("list the workers", err)
	}
	seen := all[:0]
	for _, w := range all {
		if c.seesWorker(&w) {
			seen = append(seen, w)
		}
	}
	return seen, next, nil
}
