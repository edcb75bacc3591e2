package errand

import "time"

// A Worker is one agent process's identity, kept over its restarts.
type Worker struct {
	ID        string // chosen by the agent, or by the server at first registration
	Name      string // for people: the host's name unless told otherwise
	Owner     string // of the agent token that registered it
	TokenHash string // SHA-256 hex of the worker's own token
	Queues    []string
	Slots     int // jobs at a time
	OS        string
	Arch      string
	Version   string

	Epoch        int // counts process starts; an older one is superseded
	RegisteredAt time.Time
	LastSeen     time.Time
	// Interval is the heartbeat interval that the worker was last told.
	Interval time.Duration
	Draining bool
	Holds    []Hold

	// Poll is the last assignment that was answered, so that a lost answer
	// can be given again.
	Poll Poll

	Rev int // revision: each write is for exactly one
}

// A Hold is an attempt that a worker says it has.
type Hold struct {
	JobID   string `json:"jobId"`
	Attempt int    `json:"attempt"`
	// RenewWrites asks for a fresh write grant in the answer.
	RenewWrites bool `json:"renewWrites,omitempty"`
}

// Poll ties a poll ID to the assignment that answered it.
type Poll struct {
	ID      string
	JobID   string
	Attempt int
}

// WorkerStatus is what a worker is doing.
type WorkerStatus string

// Derived from what the worker holds.
const (
	Idle     WorkerStatus = "idle"
	Busy     WorkerStatus = "busy"
	Draining WorkerStatus = "draining" // finishes what it has, takes no more
)

// Status is derived from what the worker last said it holds.
func (w *Worker) Status() WorkerStatus {
	switch {
	case w.Draining:
		return Draining
	case len(w.Holds) > 0:
		return Busy
	default:
		return Idle
	}
}

// missedHeartbeats is how many may fail to come before a worker is offline.
const missedHeartbeats = 3

// Online reports whether the worker was heard of within the last three of the
// intervals that it was told.
func (w *Worker) Online(now time.Time) bool {
	return now.Sub(w.LastSeen) <= missedHeartbeats*w.Interval
}
