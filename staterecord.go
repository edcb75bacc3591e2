package errand

import "time"

// StateRecord is a copy of a job's state: to read, to show and to store. Changing
// it changes no job: see State.
type StateRecord struct {
	JobID          string
	Owner          string
	Queue          string
	MessageGroupID string // SQS message group of the ticket: see Spec.MessageGroupID
	Status         Status
	Reason         Reason
	Error          string
	ExitCode       *int

	// Attempt counts assignments; it is the fence: a report that carries an
	// older one is refused. Tries counts the attempts before this one that had
	// been accepted, which are those that count against MaxAttempts.
	Attempt     int
	Tries       int
	MaxAttempts int
	Accepted    bool // this attempt was named in a heartbeat or a result

	WorkerID    string
	PollID      string // that this attempt answered
	Handle      string // SQS receipt handle of the ticket, as last received
	LeaseUntil  time.Time
	Lease       time.Duration // a full one
	HiddenUntil time.Time     // the ticket is hidden until then

	CancelRequested bool
	WatchedUntil    time.Time // someone reads the log as it grows

	// DueAt is when the sweep should look at the job: zero for a finished one.
	// It is indexed, so heartbeats leave it alone.
	DueAt time.Time

	CreatedAt  time.Time
	StartedAt  time.Time // of the current attempt
	FinishedAt time.Time
	LogBytes   int64

	Rev int // revision: each write is for exactly one
}

// HeldBy reports whether attempt is the current one and the worker's.
func (r *StateRecord) HeldBy(workerID string, attempt int) bool {
	return r.WorkerID == workerID && r.Attempt == attempt
}

// Answers reports whether the job runs as the answer to that poll of the worker.
func (r *StateRecord) Answers(workerID string, p Poll) bool {
	return r.Status == Running && r.HeldBy(workerID, p.Attempt) && r.PollID == p.ID
}

// Retryable reports whether another attempt may follow this one, once it was
// accepted.
func (r *StateRecord) Retryable() bool { return r.Tries+1 < r.MaxAttempts }

// Presumed reports whether the end was written without a word from the worker,
// so that a true report of the current attempt may still replace it.
func (r *StateRecord) Presumed() bool { return r.Status == Failed && r.Reason == ReasonLost }

// Reported reports whether the job is over for good: a report comes too late.
func (r *StateRecord) Reported() bool { return r.Status.Terminal() && !r.Presumed() }

// View is the state as a reader should see it at now: what the sweep, or the
// next delivery of the ticket, will write is shown before it is written.
func (r StateRecord) View(now time.Time) StateRecord {
	if r.Status == Pending {
		r.WorkerID = "" // which had it before
	}
	s := State{r}
	if r.Status == Running && s.Assignable(now) {
		r.Status, r.WorkerID = Pending, ""
		return r
	}
	s.endLease(now, r.LeaseUntil)
	return s.r
}

// What to do with a ticket, by the record of its job: the assignment table.
type ticketAction int

const (
	dropTicket   ticketAction = iota // absent or terminal: delete the message, take the next
	assignFirst                      // pending: assign
	reassign                         // running, never accepted, lease over: assign; the old attempt doesn't count
	adoptHandle                      // running, lease alive: keep the new handle, hide the message, look for other work
	endCancelled                     // running, lease over, cancel requested
	assignAgain                      // running, lease over, attempts left
	endLost                          // running, lease over, none left
)

// ticket decides what a ticket that was just received means.
func (r *StateRecord) ticket(now time.Time) ticketAction {
	switch {
	case r.Status.Terminal():
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

// attemptsLeft reports whether the job may be given out after this attempt.
func (r *StateRecord) attemptsLeft() bool {
	used := r.Tries
	if r.Accepted {
		used++
	}
	return used < r.MaxAttempts
}
