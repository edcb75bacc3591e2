package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/errandhq/errand"
)

// maxAmbiguous is how many IDs an error about an ambiguous name lists.
const maxAmbiguous = 10

// A WorkerAction is what an admin does with a worker.
type WorkerAction string

// The actions.
const (
	PauseWorker  WorkerAction = "pause"  // it takes no more jobs
	ResumeWorker WorkerAction = "resume" // it takes jobs again
	DrainWorker  WorkerAction = "drain"  // its process takes no more jobs, and ends
	ForgetWorker WorkerAction = "forget" // the server doesn't know it any more
)

// ChangeWorker does an action for an admin, with the worker that has the name or ID. It
// returns the worker as it then is. Errors: CodeInvalidField, if the name is ambiguous,
// CodeWorkerNotFound, CodeConflict, if a worker that is online is to be forgotten.
func (s *Service) ChangeWorker(ctx context.Context, name string, do WorkerAction) (*errand.Worker, error) {
	w, err := s.findWorker(ctx, "worker", name, func(*errand.Worker) bool { return true })
	if err != nil {
		return nil, err
	}
	for range casAttempts {
		err = s.doWithWorker(ctx, w, do)
		if !errors.Is(err, ErrConflict) {
			break
		}
		if w, err = s.Store.Worker(ctx, w.ID); err != nil {
			break
		}
		err = ErrConflict
	}
	var known *errand.Error
	switch {
	case err == nil:
		if do == ResumeWorker {
			s.ringMany(ctx)
		}
		return w, nil
	case errors.Is(err, ErrNotFound):
		return nil, errWorkerNotFound(name)
	case errors.Is(err, ErrConflict):
		return nil, errBusy("worker " + name)
	case errors.As(err, &known):
		return nil, err
	}
	return nil, unavailable("keep the worker", err)
}

func (s *Service) doWithWorker(ctx context.Context, w *errand.Worker, do WorkerAction) error {
	now := s.now()
	switch do {
	case PauseWorker, ResumeWorker:
		w.Paused = do == PauseWorker
	case DrainWorker:
		if !w.Online(now) {
			return errand.Errorf(errand.CodeConflict, "the worker %s is offline: there is no process to drain", w.ID)
		}
		w.DrainAsked = true
	case ForgetWorker:
		if w.InUse(now) {
			return errand.Errorf(errand.CodeConflict, "the worker %s is online and would register again; stop its agent first, for example with errand worker drain", w.ID)
		}
		return s.Store.DeleteWorker(ctx, w)
	}
	return s.Store.PutWorker(ctx, w)
}

// findWorker returns the worker with an ID, or the only one with a name, for the
// request's field. Errors: CodeInvalidField, CodeWorkerNotFound.
func (s *Service) findWorker(ctx context.Context, field, name string, sees func(*errand.Worker) bool) (*errand.Worker, error) {
	if name == "" {
		return nil, errand.InvalidField(field, "%s is missing: the name or the ID of a worker", field)
	}
	if errand.ValidWorkerID(name) {
		w, err := s.Store.Worker(ctx, name)
		if err == nil && sees(w) {
			return w, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, unavailable("read the worker", err)
		}
	}
	all, err := s.workersNamed(ctx, name)
	all = slices.DeleteFunc(all, func(w errand.Worker) bool { return !sees(&w) })
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, &errand.Error{Code: errand.CodeWorkerNotFound, Field: field, Message: fmt.Sprintf("there is no worker with the name or ID %q; errand workers lists all", name)}
	case len(all) == 1:
		return &all[0], nil
	}
	var ids []string
	for _, w := range all {
		ids = append(ids, w.ID)
	}
	slices.Sort(ids)
	return nil, errand.InvalidField(field, "%d workers have the name %q; give an ID: %s", len(ids), name, strings.Join(ids[:min(len(ids), maxAmbiguous)], ", "))
}

func (s *Service) workersNamed(ctx context.Context, name string) (found []errand.Worker, err error) {
	for cursor := ""; ; {
		page, next, err := s.Store.Workers(ctx, cursor, errand.MaxPage)
		if err != nil {
			return nil, unavailable("list the workers", err)
		}
		for _, w := range page {
			if w.Name == name {
				found = append(found, w)
			}
		}
		if cursor = next; cursor == "" {
			return found, nil
		}
	}
}
