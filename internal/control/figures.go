package control

import (
	"context"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// maxCounted is the most pending jobs of a queue that are counted.
const maxCounted = 10_000

// QueueFigures say how busy a queue is.
type QueueFigures struct {
	Queue   string
	Pending int  // up to maxCounted
	More    bool // there are more pending jobs than Pending
	Running int
	Oldest  time.Time // since when the first of the pending jobs is in the queue; zero: there is none
	Workers int       // online, neither paused nor draining, and take jobs of the queue
	Slots   int       // of those
	Free    int       // of those slots
}

// Figures are those of the queues, and the workers that they are made from.
type Figures struct {
	Queues  []QueueFigures
	Workers []errand.Worker
}

// Figures counts the jobs of all queues. It reads the indexes and what the workers hold,
// so the cost does not grow with the size of the jobs.
func (s *Service) Figures(ctx context.Context) (Figures, error) {
	queues, err := s.queueNames(ctx)
	if err != nil {
		return Figures{}, err
	}
	return s.figures(ctx, queues)
}

// QueueFigures counts the jobs of the caller's queues, which ListQueues returned.
func (s *Service) QueueFigures(ctx context.Context, queues []errand.Queue) ([]QueueFigures, error) {
	var names []string
	for _, q := range queues {
		names = append(names, q.Name)
	}
	f, err := s.figures(ctx, names)
	return f.Queues, err
}

func (s *Service) figures(ctx context.Context, queues []string) (Figures, error) {
	load, err := s.readLoad(ctx)
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Workers: load.workers, Queues: make([]QueueFigures, len(queues))}
	err = each(len(queues), func(i int) (err error) {
		f.Queues[i], err = s.figuresOf(ctx, queues[i], load)
		return err
	})
	return f, err
}

func (s *Service) figuresOf(ctx context.Context, queue string, load *load) (QueueFigures, error) {
	now, f := s.now(), QueueFigures{Queue: queue}
	ids, err := s.Store.ActiveJobs(ctx, queue, "", maxCounted+1)
	if err != nil {
		return f, unavailable("list the jobs of a queue", err)
	}
	for _, st := range load.states {
		if st.Queue == queue && st.View(now).Status == errand.Running {
			f.Running++
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool {
		st, ok := load.states[id]
		return ok && st.View(now).Status != errand.Pending
	})
	f.Pending, f.More = min(len(ids), maxCounted), len(ids) > maxCounted
	if f.Oldest, err = s.oldestQueued(ctx, ids); err != nil {
		return f, err
	}
	for i := range load.workers {
		w := &load.workers[i]
		if w.TakesFrom(queue) && w.TakesJobs(now) {
			f.Workers++
			f.Slots += w.Slots
			f.Free += max(0, w.Slots-len(load.heldBy(w)))
		}
	}
	return f, nil
}

// oldestQueued is since when the first of the jobs is in the queue. Jobs come into it in the
// order of their IDs, except those that waited before: it reads more until it finds another.
func (s *Service) oldestQueued(ctx context.Context, ids []string) (oldest time.Time, err error) {
	for n := 1; len(ids) > 0; n = min(10*n, 100) {
		some := ids[:min(n, len(ids))]
		ids = ids[len(some):]
		states, err := s.Store.States(ctx, some)
		if err != nil {
			return oldest, unavailable("read the oldest jobs of a queue", err)
		}
		waited := true
		for _, st := range states {
			if at := st.QueuedAt(); oldest.IsZero() || at.Before(oldest) {
				oldest = at
			}
			waited = waited && !st.ReleasedAt.IsZero()
		}
		if !waited {
			break
		}
	}
	return oldest, nil
}
