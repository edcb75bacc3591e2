package control

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// KindStore stores which requirements the waiting jobs of a queue have, and finds the
// jobs.
type KindStore interface {
	// Kinds reads the queue's list; an empty one if there is none. It may lag behind,
	// unless it is to be current.
	Kinds(ctx context.Context, queue string, current bool) (*errand.KindList, error)
	// PutKinds writes the list as the revision after l.Rev and increments l.Rev.
	// Errors: ErrConflict.
	PutKinds(ctx context.Context, l *errand.KindList) error
	// WaitingJobs lists the IDs of the queue's jobs of a kind whose state says Waiting,
	// oldest first, up to limit. It may lag behind by a second.
	WaitingJobs(ctx context.Context, queue, kind string, limit int) ([]string, error)
}

// GroupStore stores what the jobs of a group require.
type GroupStore interface {
	// Group reads a group; an empty one if there is none.
	Group(ctx context.Context, queue, name string) (*errand.Group, error)
	// PutGroup writes the group as the revision after g.Rev and increments g.Rev.
	// Errors: ErrConflict.
	PutGroup(ctx context.Context, g *errand.Group) error
}

const (
	// kindsAge is how long a process uses the kinds that it has read; kindsAgeEmpty is
	// that before it says that there is no job.
	kindsAge      = 30 * time.Second
	kindsAgeEmpty = time.Second
)

// arrivals is what a process knows of the jobs that are found by their kinds.
type arrivals struct {
	mu      sync.Mutex
	queues  map[string]*queueArrivals
	taking  map[string]bool // jobs that a poll is about to take
	waiters []*waiter       // polls that are held
}

// A waiter is a poll that is held.
type waiter struct {
	queues []string
	worker *errand.Worker
	wake   func()
	// woken is the job's queue and kind, if the waiter was woken for a job.
	woken *arrival
}

type arrival struct{ queue, kind string }

type queueArrivals struct {
	kinds  errand.KindList
	read   time.Time
	count  int    // of jobs that began to wait
	passed string // ID of the job whose ticket came last: those that are older have no ticket in front
}

// of returns the queue's entry. The caller must hold the lock.
func (a *arrivals) of(queue string) *queueArrivals {
	if a.queues == nil {
		a.queues, a.taking = map[string]*queueArrivals{}, map[string]bool{}
	}
	q := a.queues[queue]
	if q == nil {
		q = &queueArrivals{}
		a.queues[queue] = q
	}
	return q
}

func (a *arrivals) kinds(queue string, now time.Time, age time.Duration) ([]errand.Kind, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.of(queue)
	return q.kinds.Kinds, !q.read.IsZero() && now.Sub(q.read) < age
}

func (a *arrivals) setKinds(now time.Time, l *errand.KindList) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.of(l.Queue)
	if l.Rev >= q.kinds.Rev {
		q.kinds, q.read = errand.KindList{Queue: l.Queue, Kinds: slices.Clone(l.Kinds), Rev: l.Rev}, now
	}
}

// arrive notes that a job began to wait, and wakes a held poll that can take it.
func (a *arrivals) arrive(n arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.of(n.queue)
	q.count++
	var r errand.Requirements
	i := slices.IndexFunc(q.kinds.Kinds, func(k errand.Kind) bool { return k.ID == n.kind })
	if i >= 0 {
		r = q.kinds.Kinds[i].Requirements
	}
	for j, w := range a.waiters {
		if slices.Contains(w.queues, n.queue) && r.SatisfiedBy(w.worker) {
			w.woken = &n
			w.wake()
			a.waiters = slices.Delete(a.waiters, j, j+1)
			return
		}
	}
}

// await adds a held poll, which wake is called for once.
func (a *arrivals) await(queues []string, worker *errand.Worker, wake func()) *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &waiter{queues: queues, worker: worker, wake: wake}
	a.waiters = append(a.waiters, w)
	return w
}

// leave removes a held poll. It returns what the poll was woken for.
func (a *arrivals) leave(w *waiter) *arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.waiters, w); i >= 0 {
		a.waiters = slices.Delete(a.waiters, i, i+1)
	}
	return w.woken
}

func (a *arrivals) arrived(queue string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of(queue).count
}

func (a *arrivals) pass(queue, jobID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(queue).passed = jobID
}

func (a *arrivals) passed(queue string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of(queue).passed
}

// reserve returns up to n of the jobs, for one poll of this process at a time.
func (a *arrivals) reserve(ids []string, n int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var mine []string
	for _, id := range ids {
		if len(mine) < n && !a.taking[id] {
			a.taking[id] = true
			mine = append(mine, id)
		}
	}
	return mine
}

func (a *arrivals) unreserve(ids []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.taking, id)
	}
}

// kinds returns the kinds of the queue, as they were not longer than age ago.
func (s *Service) kinds(ctx context.Context, queue string, age time.Duration) ([]errand.Kind, error) {
	if all, ok := s.Changes.arrivals.kinds(queue, s.now(), age); ok {
		return all, nil
	}
	now := s.now()
	l, err := s.Store.Kinds(ctx, queue, false)
	if err != nil {
		return nil, unavailable("read the kinds of jobs", err)
	}
	s.Changes.arrivals.setKinds(now, l)
	return l.Kinds, nil
}

// addKind makes sure that the queue's record has the kind. Unless sure, it believes what
// the process has read. Errors: CodeInvalidField, if there are too many.
func (s *Service) addKind(ctx context.Context, queue string, r errand.Requirements, sure bool) error {
	id := r.Kind()
	known, fresh := s.Changes.arrivals.kinds(queue, s.now(), kindsAge)
	if !sure && fresh && (&errand.KindList{Kinds: known}).Has(id) {
		return nil
	}
	for range casAttempts {
		now := s.now()
		l, err := s.Store.Kinds(ctx, queue, true)
		if err != nil {
			return unavailable("read the kinds of jobs", err)
		}
		if !l.Has(id) {
			if err := s.makeRoom(ctx, l); err != nil {
				return err
			}
			l.Kinds = append(l.Kinds, errand.Kind{ID: id, Requirements: r})
			err = s.Store.PutKinds(ctx, l)
		}
		switch {
		case err == nil:
			s.Changes.arrivals.setKinds(now, l)
			return nil
		case !errors.Is(err, ErrConflict):
			return unavailable("keep the kinds of jobs", err)
		}
	}
	return errBusy("the queue " + queue)
}

// makeRoom removes kinds of which no job waits from a full list. A job of such a kind that
// is created at the same moment waits for the sweep, which adds its kind again.
func (s *Service) makeRoom(ctx context.Context, l *errand.KindList) error {
	if len(l.Kinds) < errand.MaxKinds {
		return nil
	}
	used, errs := make([]bool, len(l.Kinds)), make([]error, len(l.Kinds))
	inParallel(len(l.Kinds), func(i int) {
		var ids []string
		ids, errs[i] = s.Store.WaitingJobs(ctx, l.Queue, l.Kinds[i].ID, 1)
		used[i] = len(ids) > 0
	})
	if err := errors.Join(errs...); err != nil {
		return unavailable("count the kinds of jobs", err)
	}
	var kept []errand.Kind
	for i, k := range l.Kinds {
		if used[i] {
			kept = append(kept, k)
		}
	}
	if l.Kinds = kept; len(kept) >= errand.MaxKinds {
		return errand.InvalidField("requires", "jobs with %d different requirements wait in the queue %s, which is the limit; wait until some have run, or use another queue", errand.MaxKinds, l.Queue)
	}
	return nil
}

// joinGroup notes that the job is the last of its group. Errors: CodeGroupRequirements, if
// the one before waits, or runs, with other requirements.
func (s *Service) joinGroup(ctx context.Context, spec *errand.Spec) error {
	for range casAttempts {
		g, err := s.Store.Group(ctx, spec.Queue, spec.Group)
		if err != nil {
			return unavailable("read the group", err)
		}
		if g.JobID == spec.ID {
			return nil
		}
		if g.JobID != "" && g.Place != spec.Place() {
			if err := s.checkGroupEnded(ctx, g); err != nil {
				return err
			}
		}
		g.Place, g.JobID = spec.Place(), spec.ID
		err = s.Store.PutGroup(ctx, g)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return unavailable("keep the group", err)
		}
	}
	return errBusy("the group " + spec.Group)
}

func (s *Service) checkGroupEnded(ctx context.Context, g *errand.Group) error {
	st, err := s.Store.State(ctx, g.JobID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return unavailable("read the last job of the group", err)
	}
	if r := st.Record(); r.View(s.now()).Status.Terminal() {
		return nil
	}
	return &errand.Error{Code: errand.CodeGroupRequirements, Field: "requires", Message: "jobs of the group " + g.Name + " that have not ended require another worker or other labels; all of them must require the same, as one that can't run holds up the others"}
}

// takeWaiting takes jobs of the queue that are found by their kinds, oldest first.
func (t *take) takeWaiting(ctx context.Context, queue string, ids []string) error {
	for len(ids) > 0 && len(t.given) == 0 && t.worker.MayTake() {
		mine := t.Changes.arrivals.reserve(ids, t.count)
		if len(mine) == 0 {
			return nil
		}
		tickets := make([]Ticket, len(mine))
		for i, id := range mine {
			tickets[i] = Ticket{JobID: id}
		}
		b := &batch{take: t, queue: queue, waiting: true}
		err := b.consider(ctx, tickets)
		t.Changes.arrivals.unreserve(mine)
		if err != nil {
			return err
		}
		last := slices.Index(ids, mine[len(mine)-1])
		ids = ids[last+1:]
	}
	return nil
}

// waitingIDs lists the oldest waiting jobs of the queue that the worker can run.
func (t *take) waitingIDs(ctx context.Context, queue string, age time.Duration) ([]string, error) {
	all, err := t.kinds(ctx, queue, age)
	if err != nil {
		return nil, err
	}
	able := slices.DeleteFunc(slices.Clone(all), func(k errand.Kind) bool { return !k.Requirements.SatisfiedBy(t.worker) })
	found, errs := make([][]string, len(able)), make([]error, len(able))
	inParallel(len(able), func(i int) {
		found[i], errs[i] = t.Store.WaitingJobs(ctx, queue, able[i].ID, t.count+waitingSpare)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, unavailable("find jobs by their kinds", err)
	}
	ids := slices.Concat(found...)
	slices.Sort(ids)
	return ids, nil
}

// waitingSpare is how many more waiting jobs a poll looks at than it asks for: others may
// be about to take the first.
const waitingSpare = 10
