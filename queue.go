package errand

import (
	"slices"
	"time"
)

// A Queue is a named lane of jobs. Workers take from the queues that they name, in the
// order that they name them.
type Queue struct {
	Name string
	// Deployed says that the queue is part of the deployment. It can't be deleted.
	Deployed  bool
	Paused    bool      // it accepts jobs, and no worker takes them
	Deleting  bool      // it accepts no more jobs: somebody deletes it
	CreatedAt time.Time // zero if Deployed
}

// QueueList is the record of the queues that people made, and of the paused ones.
type QueueList struct {
	Queues []Queue
	Rev    int // revision: each write is for exactly one
}

// Find returns the queue's entry, or nil.
func (l *QueueList) Find(name string) *Queue {
	if i := slices.IndexFunc(l.Queues, func(q Queue) bool { return q.Name == name }); i >= 0 {
		return &l.Queues[i]
	}
	return nil
}

// Set adds the entry, or replaces the one of the same name.
func (l *QueueList) Set(q Queue) {
	if old := l.Find(q.Name); old != nil {
		*old = q
		return
	}
	l.Queues = append(l.Queues, q)
}

// Remove removes the entry.
func (l *QueueList) Remove(name string) {
	l.Queues = slices.DeleteFunc(l.Queues, func(q Queue) bool { return q.Name == name })
}

// CheckQueueName returns an *Error with CodeInvalidField unless the name may be a queue's.
func CheckQueueName(field, name string) error {
	if !queueRE.MatchString(name) {
		return InvalidField(field, "%s must be 1 to 40 lower-case letters, digits and hyphens, got %q", field, name)
	}
	return nil
}
