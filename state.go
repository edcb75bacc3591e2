package errand

import (
	"fmt"
	"time"
)

// State is the part of a job that changes. It is one record of up to 1 KB, plus a small
// result once the job has ended, and is written whole, on condition that the stored
// revision is the one that was read.
//
// The methods below are the only changes: no other package can assign a field. They
// are pure. A use case reads the state, calls a method, and writes the state. A method
// whose condition isn't met changes nothing and returns false.
type State struct{ r StateRecord }

// NewState is the state of a job just created: → pending.
func NewState(spec *Spec, t Timing) *State {
	s := &State{StateRecord{
		JobID: spec.ID, Owner: spec.Owner, Queue: spec.Queue, MessageGroupID: spec.MessageGroupID(), Status: Pending,
		MaxAttempts: spec.MaxAttempts, RetryOnExit: spec.RetryOnExit.codes(), MaxTries: spec.RetryOnExit.maxTries(), Lease: time.Duration(spec.LeaseSeconds) * time.Second,
		CreatedAt: spec.CreatedAt, DueAt: spec.CreatedAt.Add(t.ResendAfter),
		Kind: spec.Requirements().Kind(), Waiting: spec.Placed() && spec.Group == "" && !spec.Holds(), Held: spec.Holds(), Fresh: !spec.Holds(),
	}}
	if s.r.Held && len(spec.After) == 0 {
		s.r.DueAt = spec.NotBefore
	}
	return s
}

// setDue sets when the sweep should look at the job. It isn't fresh then.
func (s *State) setDue(t time.Time) { s.r.DueAt, s.r.Fresh = t, false }

// DirectWorkerID stands for the server as the worker of a direct run: no agent can have it.
const DirectWorkerID = "(direct)"

// NewDirectState is the state of a job that the server runs itself, now: → running.
func NewDirectState(spec *Spec, now time.Time, t Timing) *State {
	s := NewState(spec, t)
	s.Assign(now, Taker{WorkerID: DirectWorkerID, WorkerName: "direct mode", Accepts: true}, t)
	s.Renew(now, DirectWorkerID, s.r.Attempt)
	return s
}

// LoadState returns the state of a stored record. Only stores may call it.
func LoadState(r StateRecord) *State { return &State{r} }

// Record returns a copy of the state.
func (s *State) Record() StateRecord { return s.r }

// Saved is called by the store when it has written the state as the next revision.
func (s *State) Saved() { s.r.Rev++ }

// Assignable reports whether the job may be assigned to the worker that received its
// ticket: it is pending, or its lease has expired and it may run again.
func (s *State) Assignable(now time.Time) bool {
	switch s.r.ticket(now) {
	case assignFirst, reassign, assignAgain:
		return true
	case dropTicket, adoptHandle, endCancelled, endLost:
	}
	return false
}

// A Taker is a worker that takes a job.
type Taker struct {
	WorkerID   string
	WorkerName string
	Epoch      int    // of its registration
	PollID     string // its request for work
	Handle     string // the receipt handle of the job's ticket
	// Accepts says that the worker may start the commands without a heartbeat, so that
	// the attempt counts from now on.
	Accepts bool
}

// Assign gives the job to a worker for a short lease: assignable → running.
func (s *State) Assign(now time.Time, to Taker, t Timing) bool {
	if !s.Assignable(now) {
		return false
	}
	if s.r.Accepted {
		s.r.Tries++
		if s.r.Status == Running {
			reason, message := s.r.silent()
			s.r.endAttempt(s.r.LeaseUntil, reason, message)
		}
	}
	s.r.Attempt++
	s.r.Status, s.r.Accepted, s.r.Heard, s.r.Epoch = Running, to.Accepts, false, to.Epoch
	s.r.WorkerID, s.r.WorkerName, s.r.PollID, s.r.Handle = to.WorkerID, clipRunes(to.WorkerName, maxPastNameRunes), to.PollID, to.Handle
	s.r.StartedAt, s.r.LeaseUntil = now, now.Add(t.ShortLease)
	s.r.HiddenUntil = s.r.LeaseUntil
	// A change of DueAt is billed as several writes. If the job is due soon anyway, the sweep
	// then makes it due at the end of its lease, and most jobs are over before.
	if s.r.DueAt.IsZero() || s.r.DueAt.After(s.r.LeaseUntil.Add(t.ShortLease)) {
		s.setDue(s.r.LeaseUntil)
	}
	s.r.Waiting = false
	return true
}

// Withdraw undoes an assignment that no worker was told of, or can be: running, not
// heard of → the state before Assign.
func (s *State) Withdraw(before State) bool {
	if s.r.Status != Running || s.r.Heard || s.r.Attempt != before.r.Attempt+1 {
		return false
	}
	rev := s.r.Rev
	s.r = before.r
	s.r.Rev = rev
	return true
}

// ExtendShortLease restarts the short lease, because the assignment is sent again:
// running, not heard of → the same.
func (s *State) ExtendShortLease(now time.Time, t Timing) bool {
	if s.r.Status != Running || s.r.Heard {
		return false
	}
	s.r.LeaseUntil = now.Add(t.ShortLease)
	return true
}

// Renew accepts the worker's attempt and renews its lease, even if that has expired:
// running, held by the worker → the same, accepted.
func (s *State) Renew(now time.Time, workerID string, attempt int) bool {
	if s.r.Status != Running || !s.r.HeldBy(workerID, attempt) {
		return false
	}
	s.r.Accepted, s.r.Heard = true, true
	s.r.LeaseUntil = now.Add(s.r.Lease)
	if s.r.Waiting { // since its lease had ended: it waits no more
		s.r.Waiting = false
		s.setDue(s.r.LeaseUntil)
	}
	return true
}

// AdoptTicket stores the receipt handle of a ticket that was delivered again, which
// invalidates the old handle: running, lease not expired → the same.
func (s *State) AdoptTicket(now time.Time, handle string) bool {
	if s.r.ticket(now) != adoptHandle {
		return false
	}
	s.r.Handle, s.r.HiddenUntil = handle, s.r.LeaseUntil
	return true
}

// Watch records that a client follows the log: not terminal → the same. It returns
// false if the record says so for long enough.
func (s *State) Watch(now time.Time, t Timing) bool {
	if s.r.Status.Terminal() || s.r.WatchedUntil.Sub(now) > t.Watched/2 {
		return false
	}
	s.r.WatchedUntil = now.Add(t.Watched)
	return true
}

// Cancel cancels a pending job, pending → cancelled, and requests the cancellation of a
// running one. It returns false if that was done before. Errors: CodeJobFinished.
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

// Complete ends a job whose worker reports that the commands ran to their end:
// assigned, not reported → completed. If the job is to be run again after this exit code,
// and tries are left: running → pending.
func (s *State) Complete(now time.Time, r *Result) bool {
	if s.r.Attempt == 0 || s.r.Reported() {
		return false
	}
	if s.r.Status == Pending && s.r.retriedExit() { // the report is repeated: the job was given back
		return true
	}
	s.r.Accepted, s.r.Heard, s.r.LogBytes = true, true, r.Log.Bytes
	if s.r.retriesExit(r.ExitCode) {
		s.r.endAttempt(now, ReasonExitCode, fmt.Sprintf("the exit code is %d", r.ExitCode))
		s.giveBack(now)
		return true
	}
	s.finish(now, Completed, "", "")
	code := r.ExitCode
	s.r.ExitCode = &code
	s.keepResult(r)
	return true
}

// Fail ends a job whose worker reports that it could not be run to its end: assigned,
// not reported → failed, or cancelled if that was requested. If the worker is at fault
// and attempts are left, or its commands had not begun, the job may be assigned again:
// → pending.
func (s *State) Fail(now time.Time, f *Failure) bool {
	if s.r.Attempt == 0 || s.r.Reported() {
		return false
	}
	if s.r.Status == Pending { // the report is repeated: the job was given back
		return true
	}
	if restarted := f.Reason == ReasonAgentRestarted || f.Reason == ReasonMachineRestarted; restarted && !s.r.Accepted {
		s.takeBack(now)
		return true
	}
	s.r.Accepted, s.r.Heard = true, true
	if f.Result != nil {
		s.r.LogBytes = f.Result.Log.Bytes
	}
	switch {
	case f.Reason == ReasonCancelled, workersFault[f.Reason] && s.r.CancelRequested:
		s.finish(now, Cancelled, ReasonCancelled, "")
	case workersFault[f.Reason] && s.r.attemptsLeft():
		s.r.endAttempt(now, f.Reason, f.Error)
		s.giveBack(now)
	default:
		s.finish(now, Failed, f.Reason, f.Error)
	}
	s.keepResult(f.Result)
	return true
}

// takeBack ends an attempt that was never accepted, so that its commands have not begun
// and it does not count.
func (s *State) takeBack(now time.Time) {
	if s.r.CancelRequested {
		s.finish(now, Cancelled, ReasonCancelled, "")
		return
	}
	s.giveBack(now)
}

// keepResult makes the result of the attempt that ended the job part of the record, if
// it is small.
func (s *State) keepResult(r *Result) {
	if r != nil && s.r.Status.Terminal() && r.jsonSize() <= MaxStateResultBytes {
		s.r.Result = r
	}
}

// workersFault are the reasons for which another attempt may succeed.
var workersFault = map[Reason]bool{
	ReasonWorkerStopped: true, ReasonAgentError: true, ReasonLost: true,
	ReasonAgentRestarted: true, ReasonMachineRestarted: true,
}

// giveBack makes the job pending for another worker. The record keeps the worker and
// the attempt, so that the report may be repeated; a heartbeat that was sent before the
// report has no effect. The job is due, because its ticket is hidden.
func (s *State) giveBack(now time.Time) {
	s.r.Status, s.r.LeaseUntil = Pending, now
	s.setDue(now)
	s.r.Waiting = s.r.ticketless()
}

// Expire ends a job that no worker took in time, or that was held for too long: pending,
// never assigned → failed.
func (s *State) Expire(now time.Time, t Timing) bool {
	limit, message := s.r.QueuedAt().Add(t.ExpireAfter), "no worker took the job within 13 days"
	if s.r.Held {
		limit, message = s.r.CreatedAt.Add(t.HoldLimit), "the jobs that it waited for did not end within 7 days"
	}
	if s.r.Status != Pending || s.r.Attempt > 0 || now.Before(limit) {
		return false
	}
	s.finish(now, Failed, ReasonExpired, message)
	return true
}

// QueueDeleted ends a job that waits in a queue which was deleted: assignable → failed.
func (s *State) QueueDeleted(now time.Time) bool {
	if !s.Assignable(now) {
		return false
	}
	s.finish(now, Failed, ReasonQueueDeleted, "the queue "+s.r.Queue+" was deleted while the job waited in it")
	return true
}

// EndDirect ends a direct run whose server has ended: running → failed.
func (s *State) EndDirect(now time.Time) bool {
	if s.r.Status != Running || !s.r.Direct() {
		return false
	}
	s.finish(now, Failed, ReasonLost, serverLostMessage)
	return true
}

// EndLease ends a job whose lease has expired and that may not run again: running →
// cancelled, if that was requested, else failed.
func (s *State) EndLease(now time.Time) bool { return s.endLease(now, now) }

// endLease is EndLease with the time at which the job ended.
func (s *State) endLease(now, at time.Time) bool {
	switch s.r.ticket(now) {
	case endCancelled:
		s.finish(at, Cancelled, ReasonCancelled, "")
	case endLost:
		reason, message := s.r.silent()
		s.finish(at, Failed, reason, message)
	case dropTicket, assignFirst, reassign, adoptHandle, assignAgain:
		return false
	}
	return true
}

// finish ends the job.
func (s *State) finish(at time.Time, status Status, reason Reason, message string) {
	s.r.Status, s.r.Reason, s.r.Error = status, reason, message
	s.r.FinishedAt, s.r.Waiting, s.r.SettledTo = at, false, ""
	s.setDue(time.Time{})
	if s.r.Dependents {
		s.setDue(at) // until Settled: a crash must not leave them waiting
	}
}

// Park has the job found by its kind, because a worker that can't run it received its
// ticket: assignable → the same, waiting. The ticket of a job with a group stays, hidden
// until then; that of another must be deleted when the state is written.
func (s *State) Park(now time.Time, kind, handle string, until time.Time, t Timing) bool {
	if !s.Assignable(now) {
		return false
	}
	s.r.Kind, s.r.Waiting, s.r.Handle, s.r.HiddenUntil = kind, true, "", time.Time{}
	if s.r.MessageGroupID != s.r.JobID {
		s.r.Handle, s.r.HiddenUntil = handle, until
	}
	s.TicketSent(now, t)
	return true
}

// Wait has a job without a ticket found by its kind again: assignable → the same, waiting.
func (s *State) Wait(now time.Time, t Timing) bool {
	if !s.Assignable(now) || !s.r.ticketless() {
		return false
	}
	s.r.Waiting = true
	s.TicketSent(now, t)
	return true
}

// The changes below keep the status. They record where the ticket is, and when the
// sweep should look at the job again.

// TicketHidden records until when the ticket is hidden.
func (s *State) TicketHidden(until time.Time) { s.r.HiddenUntil = until }

// TicketShown records that the ticket is visible.
func (s *State) TicketShown(now time.Time, t Timing) {
	s.r.HiddenUntil = now
	s.TicketSent(now, t)
}

// TicketSent records that a ticket was sent: the job is due much later, or when it
// expires.
func (s *State) TicketSent(now time.Time, t Timing) {
	s.setDue(now.Add(t.ResendEvery))
	if expiry := s.r.QueuedAt().Add(t.ExpireAfter); s.r.Attempt == 0 && expiry.Before(s.r.DueAt) {
		s.setDue(expiry)
	}
}

// TicketFailed records that the ticket could not be made visible or deleted: the job
// is due soon.
func (s *State) TicketFailed(now time.Time, t Timing) { s.setDue(now.Add(t.ResendAfter)) }

// Swept records that a job that was due needs nothing: it is due when its lease ends,
// or never if it has ended.
func (s *State) Swept() {
	s.setDue(time.Time{})
	if s.r.Status == Running {
		s.setDue(s.r.LeaseUntil)
	}
}
