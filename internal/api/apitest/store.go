package apitest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Store is an control.Store in memory.
type Store struct {
	mu      sync.Mutex
	specs   map[string]errand.Spec
	states  map[string]errand.State
	results map[attempt]errand.Result
	workers map[string]errand.Worker
	tokens  map[string]errand.Token
	claims  map[[3]string]control.Claim
	fail    error
}

type attempt struct {
	job string
	n   int
}

var _ control.Store = (*Store)(nil)

// NewStore returns an empty Store.
func NewStore() *Store {
	return &Store{
		specs: map[string]errand.Spec{}, states: map[string]errand.State{}, results: map[attempt]errand.Result{},
		workers: map[string]errand.Worker{}, tokens: map[string]errand.Token{}, claims: map[[3]string]control.Claim{},
	}
}

// Fail makes every call about jobs fail with err, until it is nil.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// CreateJob implements control.JobStore.
func (s *Store) CreateJob(_ context.Context, spec *errand.Spec, state *errand.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if _, ok := s.states[spec.ID]; ok {
		return control.ErrExists
	}
	state.Rev = 1
	s.specs[spec.ID], s.states[spec.ID] = *spec, *state
	return nil
}

// Job implements control.JobStore.
func (s *Store) Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error) {
	state, err := s.State(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	spec := s.specs[id]
	return &spec, state, nil
}

// State implements control.JobStore.
func (s *Store) State(_ context.Context, id string) (*errand.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.states[id]
	if s.fail != nil {
		return nil, s.fail
	}
	if !ok {
		return nil, control.ErrNotFound
	}
	return &state, nil
}

// PutState implements control.JobStore.
func (s *Store) PutState(_ context.Context, state *errand.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states[state.JobID].Rev != state.Rev {
		return control.ErrConflict
	}
	state.Rev++
	s.states[state.JobID] = *state
	return nil
}

// PutResult implements control.JobStore.
func (s *Store) PutResult(_ context.Context, id string, n int, r *errand.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[attempt{id, n}] = *r
	return nil
}

// Result implements control.JobStore.
func (s *Store) Result(_ context.Context, id string, n int) (*errand.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.results[attempt{id, n}]
	if !ok {
		return nil, control.ErrNotFound
	}
	return &r, nil
}

// Jobs implements control.JobStore.
func (s *Store) Jobs(_ context.Context, f control.JobFilter) (control.JobPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return control.JobPage{}, s.fail
	}
	var page control.JobPage
	ids := slices.Sorted(maps.Keys(s.states))
	slices.Reverse(ids)
	for _, id := range ids {
		st := s.states[id]
		if f.Owner != "" && st.Owner != f.Owner || f.Queue != "" && st.Queue != f.Queue ||
			f.Status != "" && st.View(f.Now).Status != f.Status || f.Cursor != "" && id >= f.Cursor {
			continue
		}
		if len(page.Jobs) == f.Limit {
			page.Next = page.Jobs[f.Limit-1].Spec.ID
			break
		}
		page.Jobs = append(page.Jobs, errand.Job{Spec: s.specs[id], State: st})
	}
	return page, nil
}

// DueJobs implements control.JobStore.
func (s *Store) DueJobs(_ context.Context, t time.Time, f func(id string) bool) error {
	s.mu.Lock()
	var due []errand.State
	for _, st := range s.states {
		if !st.DueAt.IsZero() && !st.DueAt.After(t) {
			due = append(due, st)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(due, func(a, b errand.State) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.JobID, b.JobID)) })
	for _, st := range due {
		if !f(st.JobID) {
			break
		}
	}
	return nil
}

// Claim implements control.JobStore.
func (s *Store) Claim(_ context.Context, c control.Claim) (control.Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [3]string{c.Owner, c.Route, c.Key}
	if held, ok := s.claims[key]; ok {
		return held, control.ErrExists
	}
	s.claims[key] = c
	return c, nil
}

// Worker implements control.WorkerStore.
func (s *Store) Worker(_ context.Context, id string) (*errand.Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.workers[id]
	if !ok {
		return nil, control.ErrNotFound
	}
	return &w, nil
}

// PutWorker implements control.WorkerStore.
func (s *Store) PutWorker(_ context.Context, w *errand.Worker) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[w.ID].Rev != w.Rev {
		return control.ErrConflict
	}
	w.Rev++
	s.workers[w.ID] = *w
	return nil
}

// Workers implements control.WorkerStore.
func (s *Store) Workers(_ context.Context, cursor string, limit int) (workers []errand.Worker, next string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.workers)) {
		if id <= cursor {
			continue
		}
		if len(workers) == limit {
			return workers, workers[limit-1].ID, nil
		}
		workers = append(workers, s.workers[id])
	}
	return workers, "", nil
}

// Token implements control.TokenStore.
func (s *Store) Token(_ context.Context, hash string) (*errand.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[hash]
	if !ok {
		return nil, control.ErrNotFound
	}
	return &t, nil
}

// PutToken implements control.TokenStore.
func (s *Store) PutToken(_ context.Context, t *errand.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.Hash] = *t
	return nil
}
