package errand

import "time"

// State is all that changes of a job while it lives. It is one record, ≤ 1 KB,
// written as a whole for exactly one revision, so that each change is made to
// what was read and to nothing else.
//
// The methods below are the only changes there are: no other package can assign
// a field. They are pure. A use case reads the state, lets a method decide, and
// writes what it made. A method whose condition isn't met changes nothing and
// returns false.
type State struct{ r StateRecord }

// NewState is the state of a job just created: → pending.
func NewState(spec *Spec, t Timing) *State {
	return &State{StateRecord{
		JobID: spec.ID, Owner: spec.Owner, Queue: spec.Queue, MessageGroupID: spec.MessageGroupID(), Status: Pending,
		MaxAttempts: spec.MaxAttempts, Lease: time.Duration(spec.LeaseSeconds) * time.Second,
		CreatedAt: spec.CreatedAt, DueAt: spec.CreatedAt.Add(t.ResendAfter),
	}}
}

// LoadState is the state that a store has on record. It is for stores only.
func LoadState(r StateRecord) *State { return &State{r} }

// Record returns a copy of the state.
func (s *State) Record() StateRecord { return s.r }

// Saved notes that the store has written the state, as the next revision.
func (s *State) Saved() { s.r.Rev++ }

// Assignable reports whether a worker that received the job's ticket may be given
// the job: it is pending, or its lease is over and it may run again.
func (s *State) Assignable(now time.Time) bool {
	switch s.r.ticket(now) {
	case assignFirst, reassign, assignAgain:
		return true
	case dropTicket, adoptHandle, endCancelled, endLost:
	}
	return false
}

// Assign gives the job to a worker for a short lease: assignable → running.
func (s *State) Assign(now time.Time, workerID, pollID, handle string, t Timing) bool {
	if !s.Assignable(now) {
		return false
	}
	if s.r.Accepted {
		s.r.Tries++
	}
	s.r.Attempt++
	s.r.Status, s.r.Accepted = Running, false
	s.r.WorkerID, s.r.PollID, s.r.Handle = workerID, pollID, handle
	s.r.StartedAt, s.r.LeaseUntil = now, now.Add(t.ShortLease)
	s.r.HiddenUntil = s.r.LeaseUntil
	s.r.DueAt = s.r.LeaseUntil
	return true
}

// ExtendShortLease begins the short lease again, because the answer that assigned
// the attempt is given again: running, not accepted → the same.
func (s *State) ExtendShortLease(now time.Time, t Timing) bool {
	if s.r.Status != Running || s.r.Accepted {
		return false
	}
	s.r.LeaseUntil = now.Add(t.ShortLease)
	return true
}

// Renew accepts the worker's attempt and makes its lease full, also one that had
// ended: running, held by the worker → the same, accepted.
func (s *State) Renew(now time.Time, workerID string, attempt int) bool {
	if s.r.Status != Running || !s.r.HeldBy(workerID, attempt) {
		return false
	}
	s.r.Accepted = true
	s.r.LeaseUntil = now.Add(s.r.Lease)
	return true
}

// AdoptTicket keeps the handle of a ticket that was delivered again, since the old
// handle is dead: running, lease not over → the same.
func (s *State) AdoptTicket(now time.Time, handle string) bool {
	if s.r.ticket(now) != adoptHandle {
		return false
	}
	s.r.Handle, s.r.HiddenUntil = handle, s.r.LeaseUntil
	return true
}

// Watch notes that someone reads the log as it grows: not terminal → the same. It
// returns false where that stands on record for long enough.
func (s *State) Watch(now time.Time, t Timing) bool {
	if s.r.Status.Terminal() || s.r.WatchedUntil.Sub(now) > t.Watched/2 {
		return false
	}
	s.r.WatchedUntil = now.Add(t.Watched)
	return true
}

// Cancel ends a job that waits, pending → cancelled, and asks for the end of one
// that runs. It returns false where that was done before. Errors: CodeJobFinished.
func (s *State) Cancel(now time.Time) (bool, error) {
	leased := s.r.Status == Running && now.Before(s.r.LeaseUntil)
	switch view := s.r.View(now); {
	case s.r.Status == Cancelled || leased && s.r.CancelRequested:
		return false, nil
	case s.r.Status.Terminal() || view.Status == Failed:
		return false, Errorf(CodeJobFinished, "job %s is %s; there is nothing to cancel", s.r.JobID, view.Status)
	case leased:
		s.r.CancelRequested = true
	default:
		s.finish(now, Cancelled, ReasonCancelled, "")
	}
	return true, nil
}

// Complete ends a job by its worker's report that the commands ran to their end:
// assigned, not reported → completed.
func (s *State) Complete(now time.Time, r *Result) bool {
	if s.r.Attempt == 0 || s.r.Reported() {
		return false
	}
	s.r.Accepted, s.r.LogBytes = true, r.Log.Bytes
	s.finish(now, Completed, "", "")
	code := r.ExitCode
	s.r.ExitCode = &code
	return true
}

// Fail ends a job by its worker's report that it could not be run to its end:
// assigned, not reported → failed, or cancelled if that was asked for. Where the worker is at
// fault and attempts are left, the job waits for the next one: → pending.
func (s *State) Fail(now time.Time, f *Failure) bool {
	if s.r.Attempt == 0 || s.r.Reported() {
		return false
	}
	s.r.Accepted = true
	if f.Result != nil {
		s.r.LogBytes = f.Result.Log.Bytes
	}
	workersFault := f.Reason == ReasonWorkerStopped || f.Reason == ReasonAgentError
	switch {
	case f.Reason == ReasonCancelled, workersFault && s.r.CancelRequested:
		s.finish(now, Cancelled, ReasonCancelled, "")
	case workersFault && s.r.attemptsLeft():
		s.giveBack(now)
	default:
		s.finish(now, Failed, f.Reason, f.Error)
	}
	return true
}

// giveBack makes a job that its worker could not end wait for the next one. The
// worker and the attempt stay on record, so that the report may come again; a
// heartbeat that crossed it revives nothing. It is due: its ticket is hidden.
func (s *State) giveBack(now time.Time) {
	s.r.Status, s.r.LeaseUntil, s.r.DueAt = Pending, now, now
}

// Expire ends a job that no worker took in time: pending, never assigned → failed.
func (s *State) Expire(now time.Time, t Timing) bool {
	if s.r.Status != Pending || s.r.Attempt > 0 || now.Before(s.r.CreatedAt.Add(t.ExpireAfter)) {
		return false
	}
	s.finish(now, Failed, ReasonExpired, "no worker took the job within 13 days")
	return true
}

// EndLease ends a job whose lease is over and which may not run again: running →
// cancelled, if that was asked for, else failed.
func (s *State) EndLease(now time.Time) bool { return s.endLease(now, now) }

// endLease is EndLease with the time at which the job ended.
func (s *State) endLease(now, at time.Time) bool {
	switch s.r.ticket(now) {
	case endCancelled:
		s.finish(at, Cancelled, ReasonCancelled, "")
	case endLost:
		s.finish(at, Failed, ReasonLost, "the worker sent no heartbeat before its lease ended")
	case dropTicket, assignFirst, reassign, adoptHandle, assignAgain:
		return false
	}
	return true
}

// finish ends the job.
func (s *State) finish(at time.Time, status Status, reason Reason, message string) {
	s.r.Status, s.r.Reason, s.r.Error = status, reason, message
	s.r.FinishedAt, s.r.DueAt = at, time.Time{}
}

// The changes below leave the status alone: they say where the ticket is, and
// when the sweep should look at the job again.

// TicketHidden notes until when the ticket is hidden.
func (s *State) TicketHidden(until time.Time) { s.r.HiddenUntil = until }

// TicketShown notes that the ticket can be received.
func (s *State) TicketShown(now time.Time, t Timing) {
	s.r.HiddenUntil = now
	s.TicketSent(now, t)
}

// TicketSent notes that a ticket was sent: it is due again much later, or when it
// expires.
func (s *State) TicketSent(now time.Time, t Timing) {
	s.r.DueAt = now.Add(t.ResendEvery)
	if expiry := s.r.CreatedAt.Add(t.ExpireAfter); s.r.Attempt == 0 && expiry.Before(s.r.DueAt) {
		s.r.DueAt = expiry
	}
}

// TicketFailed notes that the ticket could not be shown or deleted: it is due
// again soon.
func (s *State) TicketFailed(now time.Time, t Timing) { s.r.DueAt = now.Add(t.ResendAfter) }

// Swept notes that a job that was due needs nothing: it is due again when its
// lease ends, and never if it is over.
func (s *State) Swept() {
	s.r.DueAt = time.Time{}
	if s.r.Status == Running {
		s.r.DueAt = s.r.LeaseUntil
	}
}

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
