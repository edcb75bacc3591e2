package errand

import (
	"slices"
	"time"
)

// StateRecord is a copy of a job's state, to be read, shown and stored. Changing it
// changes no job: see State.
type StateRecord struct {
	JobID          string
	Owner          string
	Queue          string
	MessageGroupID string // SQS message group of the ticket: see Spec.MessageGroupID
	Kind           string // of its requirements: see Requirements
	// Waiting says that the job is found by its kind, and not by its ticket: it has none,
	// or one that is hidden.
	Waiting  bool
	Status   Status
	Reason   Reason
	Error    string
	ExitCode *int

	// Attempt counts assignments. A report for an older attempt is rejected. Tries
	// counts the accepted attempts before this one, which count against MaxAttempts.
	Attempt     int
	Tries       int
	MaxAttempts int
	RetryOnExit []int // exit codes after which the job runs again, while Try is below MaxTries
	MaxTries    int
	Accepted    bool // the worker may have started this attempt's commands
	Heard       bool // a heartbeat or a report named this attempt

	// Past are the accepted attempts that ended before the current one, oldest first.
	Past []JobAttempt

	WorkerID    string
	WorkerName  string // cut to 40 characters
	Epoch       int    // of the worker's process that took this attempt
	PollID      string // that this attempt answered
	Handle      string // SQS receipt handle of the ticket, as last received
	LeaseUntil  time.Time
	Lease       time.Duration // a full one
	HiddenUntil time.Time     // the ticket is hidden until then

	Held       bool      // pending without a ticket: see Spec.After and Spec.NotBefore
	ReleasedAt time.Time // when a job that was held came into its queue
	Dependents bool      // other jobs wait, or waited, for this one
	SettledTo  string    // the last of these that was looked at after this job's end; empty: none, or all

	CancelRequested bool
	WatchedUntil    time.Time // someone reads the log as it grows

	// DueAt is when the sweep should look at the job; zero if it has ended. It is
	// indexed, so heartbeats don't change it.
	DueAt time.Time
	// Fresh says that DueAt is as it was when the job was created: the sweep hasn't looked
	// at the job. Most jobs are over before that. A fresh job is in one index instead of two.
	Fresh bool

	CreatedAt  time.Time
	StartedAt  time.Time // of the current attempt
	FinishedAt time.Time
	LogBytes   int64

	// Result is the result of the attempt that ended the job, if it has at most
	// MaxStateResultBytes. A larger one is stored apart: see Result.
	Result *Result

	Rev int // revision: each write is for exactly one
}

// ticketless reports whether the job can do without a ticket: it has none that is known,
// it is found by its kind, and no group keeps it in order.
func (r *StateRecord) ticketless() bool {
	return r.Kind != "" && r.Handle == "" && r.MessageGroupID == r.JobID
}

// Direct reports whether the job is a direct run.
func (r *StateRecord) Direct() bool { return r.WorkerID == DirectWorkerID }

// HeldBy reports whether attempt is the current one and the worker's.
func (r *StateRecord) HeldBy(workerID string, attempt int) bool {
	return r.WorkerID == workerID && r.Attempt == attempt
}

// Answers reports whether the job runs as the answer to that poll of the worker. A later
// process of the worker must not get an accepted attempt again: the earlier one may have
// started it.
func (r *StateRecord) Answers(workerID string, epoch int, pollID string) bool {
	return r.Status == Running && r.WorkerID == workerID && r.PollID == pollID && (r.Epoch == epoch || !r.Accepted)
}

// Try is the number of the current attempt among those that count against MaxAttempts:
// an attempt that no worker accepted has the number of the one that replaces it. It is 0
// before the first.
func (r *StateRecord) Try() int {
	if r.Attempt == 0 {
		return 0
	}
	return r.Tries + 1
}

// Retryable reports whether another attempt may follow this one, if this one is
// accepted.
func (r *StateRecord) Retryable() bool { return r.Tries+1 < r.MaxAttempts }

// Presumed reports whether the job's end was inferred from its expired lease. A report
// for the current attempt replaces it.
func (r *StateRecord) Presumed() bool {
	return r.Status == Failed && (r.Reason == ReasonLost || r.Reason == ReasonNeverReported)
}

// Reported reports whether the end of the job is final.
func (r *StateRecord) Reported() bool { return r.Status.Terminal() && !r.Presumed() }

// View is the state that a reader should see at now: it has the change that the sweep
// or the next delivery of the ticket will make.
func (r StateRecord) View(now time.Time) StateRecord {
	if r.Status == Pending {
		r.WorkerID = "" // which had it before
	}
	s := State{r}
	if r.Status == Running && s.Assignable(now) {
		if r.Accepted {
			reason, message := r.silent()
			r.endAttempt(r.LeaseUntil, reason, message)
		}
		r.Status, r.WorkerID = Pending, ""
		return r
	}
	s.endLease(now, r.LeaseUntil)
	return s.r
}

// A ticketAction is what to do with a ticket that was received, by the record of its
// job: the assignment table in docs/architecture.md.
type ticketAction int

const (
	dropTicket   ticketAction = iota // no such job, or it has ended: delete the message, take the next
	assignFirst                      // pending: assign
	reassign                         // running, never accepted, lease expired: assign; the old attempt does not count
	adoptHandle                      // running, lease not expired: store the new handle, hide the message, look for other work
	endCancelled                     // running, lease expired, cancellation requested
	assignAgain                      // running, lease expired, attempts left
	endLost                          // running, lease expired, none left
)

func (r *StateRecord) ticket(now time.Time) ticketAction {
	switch {
	case r.Status.Terminal(), r.Held:
		return dropTicket
	case r.Status == Pending:
		return assignFirst
	case now.Before(r.LeaseUntil):
		return adoptHandle
	case r.CancelRequested:
		return endCancelled
	case !r.Accepted:
		return reassign
	case r.attemptsLeft():
		return assignAgain
	default:
		return endLost
	}
}

// attemptsLeft reports whether the job may be assigned again after this attempt.
func (r *StateRecord) attemptsLeft() bool {
	used := r.Tries
	if r.Accepted {
		used++
	}
	return used < r.MaxAttempts
}

// retriesExit reports whether the job runs again after the exit code of this attempt.
func (r *StateRecord) retriesExit(code int) bool {
	return r.Status == Running && !r.CancelRequested && r.Tries+1 < r.MaxTries && slices.Contains(r.RetryOnExit, code)
}

// retriedExit reports whether the current attempt was ended by retriesExit.
func (r *StateRecord) retriedExit() bool {
	n := len(r.Past)
	return n > 0 && r.Past[n-1].Attempt == r.Attempt && r.Past[n-1].Reason == ReasonExitCode
}

// MostTries is how many attempts that count the job may have in all.
func (r *StateRecord) MostTries() int { return max(r.MaxAttempts, r.MaxTries) }
