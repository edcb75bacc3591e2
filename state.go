package errand

import "time"

// State is all that changes of a job while it lives. It is one record, ≤ 1 KB,
// written as a whole for exactly one revision (Rev), so that each change is made
// to what was read and to nothing else.
//
// The methods below are the only changes there are. They are pure: the Service
// reads, lets one of them decide, and writes.
type State struct {
	JobID    string
	Owner    string
	Queue    string
	Lane     string // SQS message group
	Status   Status
	Reason   Reason
	Error    string
	ExitCode *int

	// Attempt counts assignments; it is the fence: a report that carries an
	// older one is refused. Tries counts the attempts before this one that had
	// been accepted, which are those that count against MaxAttempts.
	Attempt     int
	Tries       int
	MaxAttempts int
	Accepted    bool // this attempt was named in a heartbeat or a result

	WorkerID   string
	PollID     string // that this attempt answered
	Handle     string // SQS receipt handle of the ticket, as last received
	LeaseUntil time.Time
	Lease      time.Duration // a full one
	HoldUntil  time.Time     // the ticket is hidden until then

	CancelRequested bool
	WatchedUntil    time.Time // someone reads the log as it grows

	// DueAt is when the sweep should look at the job: zero for a finished one.
	// It is indexed, so heartbeats leave it alone.
	DueAt time.Time

	CreatedAt  time.Time
	StartedAt  time.Time // of the current attempt
	FinishedAt time.Time
	LogBytes   int64

	Rev int
}

// NewState is the state of a job just created.
func NewState(spec *Spec, t Timing) State {
	return State{
		JobID: spec.ID, Owner: spec.Owner, Queue: spec.Queue, Lane: spec.Lane(), Status: Pending,
		MaxAttempts: spec.MaxAttempts, Lease: time.Duration(spec.LeaseSeconds) * time.Second,
		CreatedAt: spec.CreatedAt, DueAt: spec.CreatedAt.Add(t.ResendAfter),
	}
}

// What to do with a ticket, by the record of its job: the assignment table.
type TicketAction int

const (
	DropTicket   TicketAction = iota // absent or terminal: delete the message, take the next
	AssignFirst                      // pending: assign
	Reassign                         // running, never accepted, lease over: assign; the old attempt doesn't count
	AdoptHandle                      // running, lease alive: keep the new handle, hide the message, look for other work
	EndCancelled                     // running, lease over, cancel requested
	AssignAgain                      // running, lease over, attempts left
	EndLost                          // running, lease over, none left
)

// Ticket decides what a ticket that was just received means.
func (s *State) Ticket(now time.Time) TicketAction {
	switch {
	case s.Status.Terminal():
		return DropTicket
	case s.Status == Pending:
		return AssignFirst
	case now.Before(s.LeaseUntil):
		return AdoptHandle
	case s.CancelRequested:
		return EndCancelled
	case !s.Accepted:
		return Reassign
	case s.AttemptsLeft():
		return AssignAgain
	default:
		return EndLost
	}
}

// AttemptsLeft reports whether the job may be given out after this attempt.
func (s *State) AttemptsLeft() bool {
	used := s.Tries
	if s.Accepted {
		used++
	}
	return used < s.MaxAttempts
}

// Retryable reports whether another attempt may follow this one, once it was
// accepted.
func (s *State) Retryable() bool { return s.Tries+1 < s.MaxAttempts }

// View is the state as a reader should see it at now: what the sweep, or the
// next delivery of the ticket, will write is shown before it is written.
func (s State) View(now time.Time) State {
	if s.Status == Pending {
		s.WorkerID = "" // which had it before
	}
	if s.Status != Running {
		return s
	}
	switch s.Ticket(now) {
	case EndCancelled:
		s.Finish(s.LeaseUntil, Cancelled, ReasonCancelled, "")
	case EndLost:
		s.Finish(s.LeaseUntil, Failed, ReasonLost, LostMessage)
	case Reassign, AssignAgain:
		s.Status, s.WorkerID = Pending, ""
	case DropTicket, AssignFirst, AdoptHandle:
	}
	return s
}

// LostMessage says what ReasonLost means.
const LostMessage = "the worker gave no sign of life until its lease ended"

// Assign gives the job to a worker for a short lease.
func (s *State) Assign(now time.Time, w *Worker, pollID, handle string, t Timing) {
	if s.Accepted {
		s.Tries++
	}
	s.Attempt++
	s.Status, s.Accepted = Running, false
	s.WorkerID, s.PollID, s.Handle = w.ID, pollID, handle
	s.StartedAt, s.LeaseUntil = now, now.Add(t.ShortLease)
	s.HoldUntil = s.LeaseUntil
	s.DueAt = s.LeaseUntil
}

// HeldBy reports whether attempt is the current one and the worker's.
func (s *State) HeldBy(workerID string, attempt int) bool {
	return s.WorkerID == workerID && s.Attempt == attempt
}

// Renew accepts the current attempt and makes its lease full, also one that
// had lapsed. It must be running.
func (s *State) Renew(now time.Time) {
	s.Accepted = true
	s.LeaseUntil = now.Add(s.Lease)
}

// GiveBack makes a job that its worker could not end wait for the next one. The
// worker and the attempt stay on record, so that the report may come again; a
// heartbeat that crossed it revives nothing. It is due: its ticket is hidden.
func (s *State) GiveBack(now time.Time) {
	s.Status, s.LeaseUntil, s.DueAt = Pending, now, now
}

// Finish ends the job.
func (s *State) Finish(now time.Time, status Status, reason Reason, message string) {
	s.Status, s.Reason, s.Error = status, reason, message
	s.FinishedAt, s.DueAt = now, time.Time{}
}

// Cancel ends a job that waits, and asks for the end of one that runs. It reports
// whether that changed anything. Errors: CodeJobFinished.
func (s *State) Cancel(now time.Time) (write bool, err error) {
	switch {
	case s.Status == Cancelled || s.Status == Running && s.CancelRequested && now.Before(s.LeaseUntil):
		return false, nil
	case s.Status.Terminal() || s.View(now).Status == Failed:
		return false, Errorf(CodeJobFinished, "job %s is %s; there is nothing to cancel", s.JobID, s.View(now).Status)
	case s.Status == Running && now.Before(s.LeaseUntil):
		s.CancelRequested = true
	default:
		s.Finish(now, Cancelled, ReasonCancelled, "")
	}
	return true, nil
}

// Presumed reports whether the end was written without a word from the worker,
// so that a true report of the current attempt may still replace it.
func (s *State) Presumed() bool { return s.Status == Failed && s.Reason == ReasonLost }

// Overdue reports whether a job that nobody took has waited too long.
func (s *State) Overdue(now time.Time, t Timing) bool {
	return s.Status == Pending && s.Attempt == 0 && !now.Before(s.CreatedAt.Add(t.ExpireAfter))
}
