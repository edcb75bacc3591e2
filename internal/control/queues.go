package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// QueueStore stores the queues that people made.
type QueueStore interface {
	// QueueList reads the list; an empty one if there is none. It may lag behind, unless
	// it is to be current.
	QueueList(ctx context.Context, current bool) (*errand.QueueList, error)
	// PutQueueList writes the list as the revision after l.Rev and increments l.Rev.
	// Errors: ErrConflict, if the stored revision isn't the one that was read.
	PutQueueList(ctx context.Context, l *errand.QueueList) error
}

// QueueMaker makes and deletes the queues that hold tickets.
type QueueMaker interface {
	// MakeQueue makes a queue. It may be repeated. Errors: ErrDeletedRecently.
	MakeQueue(ctx context.Context, name string) error
	// RemoveQueue deletes a queue with its tickets. It may be repeated. After it, Hide
	// and Delete do nothing for the queue, and Send fails with ErrNotFound.
	RemoveQueue(ctx context.Context, name string) error
}

const (
	// queueListAge is how long a process uses the list of queues that it has read.
	queueListAge = 30 * time.Second
	// removeTime bounds the cancellation of a deleted queue's jobs in one request.
	removeTime = 15 * time.Second
)

// queueCache is the list of queues that a process read last. The zero value is empty.
type queueCache struct {
	mu   sync.Mutex
	list errand.QueueList
	read time.Time
}

func (c *queueCache) get(now time.Time, age time.Duration) (errand.QueueList, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.IsZero() || now.Sub(c.read) >= age {
		return errand.QueueList{}, false
	}
	return c.list, true
}

func (c *queueCache) set(now time.Time, l *errand.QueueList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.read = errand.QueueList{Queues: slices.Clone(l.Queues), Rev: l.Rev}, now
}

// queues returns all queues, the deployment's first, as they were not longer than age ago.
func (s *Service) queues(ctx context.Context, age time.Duration) ([]errand.Queue, error) {
	l, ok := s.Changes.queues.get(s.now(), age)
	if !ok {
		now := s.now()
		read, err := s.Store.QueueList(ctx, age == 0)
		if err != nil {
			return nil, unavailable("read the list of queues", err)
		}
		s.Changes.queues.set(now, read)
		l = *read
	}
	return s.merge(&l), nil
}

// merge returns the deployment's queues and those of the list, by name.
func (s *Service) merge(l *errand.QueueList) []errand.Queue {
	var all, made []errand.Queue
	for _, name := range s.Queues {
		q := errand.Queue{Name: name, Deployed: true}
		if e := l.Find(name); e != nil {
			q.Paused = e.Paused
		}
		all = append(all, q)
	}
	for _, q := range l.Queues {
		if !slices.Contains(s.Queues, q.Name) {
			made = append(made, q)
		}
	}
	slices.SortFunc(made, func(a, b errand.Queue) int { return strings.Compare(a.Name, b.Name) })
	return append(all, made...)
}

func queueNames(all []errand.Queue) []string {
	names := make([]string, 0, len(all))
	for _, q := range all {
		if !q.Deleting {
			names = append(names, q.Name)
		}
	}
	return names
}

// queueNames returns the names of all queues, the deployment's first.
func (s *Service) queueNames(ctx context.Context) ([]string, error) {
	all, err := s.queues(ctx, queueListAge)
	return queueNames(all), err
}

// checkQueue returns nil if the queue exists, accepts jobs, and is one that the caller may
// use. Of other queues, the caller doesn't learn whether they exist. It reads the list again
// before it says that there is none. Errors, for the request's field: CodeForbidden,
// CodeInvalidField.
func (s *Service) checkQueue(ctx context.Context, c Caller, field, name string) error {
	if !c.MayUse(name) {
		return &errand.Error{Code: errand.CodeForbidden, Field: field, Message: fmt.Sprintf("the token may not use the queue %q", name)}
	}
	var all []errand.Queue
	for _, age := range []time.Duration{queueListAge, 0} {
		var err error
		if all, err = s.queues(ctx, age); err != nil {
			return err
		}
		if slices.Contains(queueNames(all), name) {
			return nil
		}
	}
	names := slices.DeleteFunc(queueNames(all), func(q string) bool { return !c.MayUse(q) })
	return errand.InvalidField(field, "there is no queue %q on this server; its queues: %s; an admin makes one with errand queue create %s", name, cmp.Or(strings.Join(names, ", "), "none that the token may use"), name)
}

// ListQueues returns the queues that the caller may use, the deployment's first.
func (s *Service) ListQueues(ctx context.Context, c Caller) ([]errand.Queue, error) {
	all, err := s.queues(ctx, queueListAge)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(q errand.Queue) bool { return !c.MayUse(q.Name) }), nil
}

// CreateQueue makes a queue, for an admin. If it exists, made is false.
// Errors: CodeInvalidField, CodeConflict, if it was deleted less than a minute ago.
func (s *Service) CreateQueue(ctx context.Context, name string) (q errand.Queue, made bool, err error) {
	if err := errand.CheckQueueName("name", name); err != nil {
		return q, false, err
	}
	if slices.Contains(s.Queues, name) {
		q, err = s.changeQueue(ctx, name, func(*errand.Queue) bool { return false })
		return q, false, err
	}
	err = s.changeQueueList(ctx, func(l *errand.QueueList) (bool, error) {
		switch old := l.Find(name); {
		case old != nil && old.Deleting:
			return false, &errand.Error{Code: errand.CodeConflict, Field: "name", Message: fmt.Sprintf("the queue %s is being deleted; if that was interrupted, delete it again first", name)}
		case old != nil:
			q = *old
			return false, nil
		}
		if len(s.merge(l)) >= errand.MaxQueues && l.Find(name) == nil {
			return false, errand.InvalidField("name", "the server has %d queues, which is the limit; delete one first", errand.MaxQueues)
		}
		if err := s.makeQueue(ctx, name); err != nil {
			return false, err
		}
		made, q = true, errand.Queue{Name: name, CreatedAt: s.now()}
		l.Set(q)
		return true, nil
	})
	return q, made, err
}

// makeQueue makes the queue of tickets before the list names it, so that each queue
// that the list names exists.
func (s *Service) makeQueue(ctx context.Context, name string) error {
	err := s.Queue.MakeQueue(ctx, name)
	if errors.Is(err, ErrDeletedRecently) {
		return &errand.Error{Code: errand.CodeConflict, Field: "name", Message: fmt.Sprintf("the queue %s was deleted less than a minute ago; SQS allows the name again 60 seconds after that", name)}
	}
	if err != nil {
		return unavailable("make the queue", err)
	}
	return nil
}

// PauseQueue pauses a queue, or resumes it, for an admin: jobs wait in a paused queue.
// It may take 30 seconds until all functions know. Errors: CodeQueueNotFound.
func (s *Service) PauseQueue(ctx context.Context, name string, paused bool) (errand.Queue, error) {
	q, err := s.changeQueue(ctx, name, func(q *errand.Queue) bool {
		changed := q.Paused != paused
		q.Paused = paused
		return changed
	})
	if err == nil && !paused {
		s.ringMany(ctx)
	}
	return q, err
}

// changeQueue lets f change a queue, and writes it if f returns true.
func (s *Service) changeQueue(ctx context.Context, name string, f func(*errand.Queue) bool) (q errand.Queue, err error) {
	err = s.changeQueueList(ctx, func(l *errand.QueueList) (bool, error) {
		all := s.merge(l)
		i := slices.IndexFunc(all, func(q errand.Queue) bool { return q.Name == name })
		if i < 0 {
			return false, errQueueNotFound(name, all)
		}
		q = all[i]
		if !f(&q) {
			return false, nil
		}
		l.Set(q)
		return true, nil
	})
	return q, err
}

func errQueueNotFound(name string, all []errand.Queue) error {
	return errand.Errorf(errand.CodeQueueNotFound, "there is no queue %q; the queues: %s", name, strings.Join(queueNames(all), ", "))
}

// changeQueueList reads the list, lets f change it and writes it if f returns true. It
// starts again after a conflict.
func (s *Service) changeQueueList(ctx context.Context, f func(*errand.QueueList) (bool, error)) error {
	for range casAttempts {
		now := s.now()
		l, err := s.Store.QueueList(ctx, true)
		if err != nil {
			return unavailable("read the list of queues", err)
		}
		write, err := f(l)
		if err != nil {
			return err
		}
		if write {
			err = s.Store.PutQueueList(ctx, l)
		}
		switch {
		case err == nil:
			s.Changes.queues.set(now, l)
			return nil
		case !errors.Is(err, ErrConflict):
			return unavailable("keep the list of queues", err)
		}
	}
	return errBusy("the list of queues")
}

// A QueueRemoval is what DeleteQueue did.
type QueueRemoval struct {
	Cancelled int  // jobs, by this request
	Done      bool // the queue is deleted; else repeat the request
}

// DeleteQueue deletes a queue, for an admin. If the queue holds jobs, it is refused,
// unless cancelJobs says to cancel them: as many as one request can; then Done is false
// and the request must be repeated. Errors: CodeQueueNotFound, CodeQueueInUse.
func (s *Service) DeleteQueue(ctx context.Context, c Caller, name string, cancelJobs bool) (QueueRemoval, error) {
	var r QueueRemoval
	if slices.Contains(s.Queues, name) {
		return r, errand.Errorf(errand.CodeQueueInUse, "the queue %s is part of the deployment and can't be deleted; pause it instead", name)
	}
	if err := s.setDeleting(ctx, name, true); err != nil {
		return r, err
	}
	busy, err := s.emptyQueue(ctx, c, name, cancelJobs, &r)
	if err == nil && busy > 0 && !cancelJobs {
		err = errand.Errorf(errand.CodeQueueInUse, "the queue %s holds %s; wait until it is empty, or cancel what it holds with --cancel-jobs (cancelJobs=true)", name, countJobs(busy))
	}
	if err != nil {
		if !cancelJobs {
			return r, errors.Join(err, s.setDeleting(context.WithoutCancel(ctx), name, false))
		}
		return r, err
	}
	if busy > 0 {
		return r, nil
	}
	r.Done = true
	return r, s.removeQueue(ctx, name)
}

func countJobs(n int) string {
	switch {
	case n == 1:
		return "a job"
	case n >= errand.MaxPage:
		return fmt.Sprintf("%d jobs or more", n)
	}
	return fmt.Sprintf("%d jobs", n)
}

func (s *Service) setDeleting(ctx context.Context, name string, deleting bool) error {
	_, err := s.changeQueue(ctx, name, func(q *errand.Queue) bool {
		changed := q.Deleting != deleting
		q.Deleting = deleting
		return changed
	})
	return err
}

func (s *Service) removeQueue(ctx context.Context, name string) error {
	if err := s.Queue.RemoveQueue(ctx, name); err != nil {
		return unavailable("delete the queue", err)
	}
	return s.changeQueueList(ctx, func(l *errand.QueueList) (bool, error) {
		found := l.Find(name) != nil
		l.Remove(name)
		return found, nil
	})
}

// emptyQueue returns how many jobs the queue holds that are not cancelled yet; it stops
// counting at a page. With cancelJobs it cancels them, for a while: running ones end when
// their workers know.
func (s *Service) emptyQueue(ctx context.Context, c Caller, name string, cancelJobs bool, r *QueueRemoval) (busy int, err error) {
	deadline := s.now().Add(removeTime)
	for _, status := range []errand.Status{errand.Pending, errand.Running} {
		f := JobFilter{Status: status, Queue: name, Queues: []string{name}, Limit: errand.MaxPage, Now: s.now()}
		for {
			page, err := s.Store.Jobs(ctx, f)
			if err != nil {
				return busy, unavailable("list the queue's jobs", err)
			}
			for _, job := range page.Jobs {
				left, err := s.emptied(ctx, c, &job.State, cancelJobs && s.now().Before(deadline), r)
				if err != nil {
					return busy, err
				}
				busy += left
			}
			if f.Cursor = page.Next; f.Cursor == "" || busy >= errand.MaxPage {
				break
			}
		}
	}
	return busy, nil
}

// emptied cancels a job of a queue that is deleted, if it may, and returns 0 if the queue
// need not wait for the job.
func (s *Service) emptied(ctx context.Context, c Caller, st *errand.StateRecord, cancel bool, r *QueueRemoval) (left int, err error) {
	if st.CancelRequested {
		return 0, nil
	}
	if !cancel {
		return 1, nil
	}
	_, err = s.Cancel(ctx, c, st.JobID)
	switch errand.CodeOf(err) {
	case "":
		r.Cancelled++
	case errand.CodeJobFinished, errand.CodeJobNotFound:
	default:
		return 1, err
	}
	return 0, nil
}
