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

// Timing are the durations of the flow. DefaultTiming has the right ones.
type Timing struct {
	ShortLease time.Duration // of an attempt not yet accepted
	Lease      time.Duration // full, unless the job sets its own
	Heartbeat  time.Duration // interval that workers are told
	// WatchedHeartbeat is the interval while someone watches a job of the
	// worker, so that a cancel is obeyed soon.
	WatchedHeartbeat time.Duration
	PollWait         time.Duration // longest that a poll is held; 0: polls are answered at once
	PollInterval     time.Duration // that workers wait between polls that were answered with nothing
	BellPoll         time.Duration // the same where they wait at a bell that doesn't ring
	IdleHeartbeat    time.Duration // that workers are told which hold nothing and wait at a bell
	TicketHold       time.Duration // a held ticket is hidden this long
	RenewHold        time.Duration // and again when less than this is left
	ResendAfter      time.Duration // first re-send of a ticket
	ResendEvery      time.Duration // further ones
	ExpireAfter      time.Duration // a pending job fails
	Watched          time.Duration // a read of the log keeps it watched this long
	Retention        time.Duration // of jobs and results
	UploadLifetime   time.Duration // of uploads, as the bucket's lifecycle has it
	UploadMargin     time.Duration // an upload is used again only if it lives this long yet
}

// DefaultTiming returns the durations of the design.
func DefaultTiming() Timing {
	const day = 24 * time.Hour
	return Timing{
		ShortLease: 30 * time.Second, Lease: 5 * time.Minute, Heartbeat: 10 * time.Second, WatchedHeartbeat: 2 * time.Second,
		PollWait: 20 * time.Second, PollInterval: 5 * time.Second,
		BellPoll: 10 * time.Minute, IdleHeartbeat: 2 * time.Minute,
		TicketHold: 15 * time.Minute, RenewHold: 10 * time.Minute,
		ResendAfter: time.Minute, ResendEvery: 12 * time.Hour, ExpireAfter: 13 * day,
		Watched: 30 * time.Second, UploadLifetime: 32 * day, UploadMargin: 16 * day,
	}
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
func (s *State) ticket(now time.Time) ticketAction {
	switch {
	case s.Status.Terminal():
		return dropTicket
	case s.Status == Pending:
		return assignFirst
	case now.Before(s.LeaseUntil):
		return adoptHandle
	case s.CancelRequested:
		return endCancelled
	case !s.Accepted:
		return reassign
	case s.attemptsLeft():
		return assignAgain
	default:
		return endLost
	}
}

// attemptsLeft reports whether the job may be given out after this attempt.
func (s *State) attemptsLeft() bool {
	used := s.Tries
	if s.Accepted {
		used++
	}
	return used < s.MaxAttempts
}

// retryable reports whether another attempt may follow this one, once it was
// accepted.
func (s *State) retryable() bool { return s.Tries+1 < s.MaxAttempts }

// View is the state as a reader should see it at now: what the sweep, or the
// next delivery of the ticket, will write is shown before it is written.
func (s State) View(now time.Time) State {
	if s.Status == Pending {
		s.WorkerID = "" // which had it before
	}
	if s.Status != Running {
		return s
	}
	switch s.ticket(now) {
	case endCancelled:
		s.finish(s.LeaseUntil, Cancelled, ReasonCancelled, "")
	case endLost:
		s.finish(s.LeaseUntil, Failed, ReasonLost, lostMessage)
	case reassign, assignAgain:
		s.Status, s.WorkerID = Pending, ""
	case dropTicket, assignFirst, adoptHandle:
	}
	return s
}

const lostMessage = "the worker gave no sign of life until its lease ended"

// assign gives the job to a worker for a short lease.
func (s *State) assign(now time.Time, w *Worker, pollID, handle string, t Timing) {
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

// heldBy reports whether attempt is the current one and the worker's.
func (s *State) heldBy(workerID string, attempt int) bool {
	return s.WorkerID == workerID && s.Attempt == attempt
}

// renew accepts the current attempt and makes its lease full, also one that
// had lapsed. It must be running.
func (s *State) renew(now time.Time) {
	s.Accepted = true
	s.LeaseUntil = now.Add(s.Lease)
}

// giveBack makes a job that its worker could not end wait for the next one. The
// worker and the attempt stay on record, so that the report may come again; a
// heartbeat that crossed it revives nothing. It is due: its ticket is hidden.
func (s *State) giveBack(now time.Time) {
	s.Status, s.LeaseUntil, s.DueAt = Pending, now, now
}

// finish ends the job.
func (s *State) finish(now time.Time, status Status, reason Reason, message string) {
	s.Status, s.Reason, s.Error = status, reason, message
	s.FinishedAt, s.DueAt = now, time.Time{}
}

// presumed reports whether the end was written without a word from the worker,
// so that a true report of the current attempt may still replace it.
func (s *State) presumed() bool { return s.Status == Failed && s.Reason == ReasonLost }

// overdue reports whether a job that nobody took has waited too long.
func (s *State) overdue(now time.Time, t Timing) bool {
	return s.Status == Pending && s.Attempt == 0 && !now.Before(s.CreatedAt.Add(t.ExpireAfter))
}
