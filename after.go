package errand

import (
	"fmt"
	"slices"
	"time"
)

// Outcome is how a job must end for another that waits for it.
type Outcome string

// The outcomes. A job succeeds if it completes with exit code 0. A cancelled job did
// neither.
const (
	OnSuccess Outcome = "success"
	OnFailure Outcome = "failure" // any other end, except that it was cancelled
	OnAny     Outcome = "any"
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{OnSuccess, OnFailure, OnAny}

// MaxAfter is how many jobs a job may wait for.
const MaxAfter = 20

// A Dependency is a job that another waits for.
type Dependency struct {
	JobID string  `json:"jobId"`
	On    Outcome `json:"on,omitempty"` // default: OnSuccess
}

// Verdict is what a dependency says of the job that waits.
type Verdict int

// Verdicts, the later ones the weightier.
const (
	Met Verdict = iota
	Waiting
	Impossible // it ended in another way
	Abandoned  // it was cancelled
)

// Judge says whether a job with this state, as stored, meets the dependency. Nil is a job
// that is gone.
func (d Dependency) Judge(st *StateRecord) Verdict {
	switch {
	case st == nil:
		return Impossible
	case !st.Status.Terminal():
		return Waiting
	case d.On == OnAny:
		return Met
	case st.Status == Cancelled:
		return Abandoned
	case st.Succeeded() == (d.On == OnSuccess):
		return Met
	}
	return Impossible
}

// Succeeded reports whether the job completed with exit code 0.
func (r *StateRecord) Succeeded() bool {
	return r.Status == Completed && r.ExitCode != nil && *r.ExitCode == 0
}

// Holds reports whether the job waits without a ticket, for a time or for other jobs, at
// its creation.
func (s *Spec) Holds() bool { return len(s.After) > 0 || s.NotBefore.After(s.CreatedAt) }

// validateWhen validates when the job may run.
func (s *Spec) validateWhen() error {
	if len(s.After) > MaxAfter {
		return InvalidField("after", "after has %d jobs; the limit is %d", len(s.After), MaxAfter)
	}
	for i, d := range s.After {
		field := fmt.Sprintf("after[%d]", i)
		switch {
		case !ValidJobID(d.JobID):
			return InvalidField(field+".jobId", "%s.jobId must be a job's ID, got %q", field, clipRunes(d.JobID, 40))
		case !slices.Contains(Outcomes, d.On):
			return InvalidField(field+".on", "%s.on must be success, failure or any, got %q", field, clipRunes(string(d.On), 40))
		case slices.ContainsFunc(s.After[:i], func(e Dependency) bool { return e.JobID == d.JobID }):
			return InvalidField(field+".jobId", "after names job %s twice", d.JobID)
		}
	}
	return nil
}

// The changes below are of a job that is held: pending, without a ticket.

// Release lets the job into its queue: held → pending, found by its kind instead of a
// ticket if waiting is true. Its 13 days begin.
func (s *State) Release(now time.Time, waiting bool, t Timing) bool {
	if !s.isHeld() {
		return false
	}
	s.r.Held, s.r.ReleasedAt = false, now
	s.setDue(now.Add(t.ResendAfter))
	s.r.Waiting = waiting
	return true
}

// Hold records that the job is still held, and when the sweep should look again: then, or
// when the longest wait is over.
func (s *State) Hold(until time.Time, t Timing) bool {
	if !s.isHeld() {
		return false
	}
	s.setDue(s.r.CreatedAt.Add(t.HoldLimit))
	if !until.IsZero() && until.Before(s.r.DueAt) {
		s.setDue(until)
	}
	return true
}

// EndHeld ends a job that can't run any more: held → failed, or cancelled if a job that it
// waits for was.
func (s *State) EndHeld(now time.Time, v Verdict, message string) bool {
	switch {
	case !s.isHeld():
		return false
	case v == Abandoned:
		s.finish(now, Cancelled, ReasonCancelled, message)
	default:
		s.finish(now, Failed, ReasonDependencyFailed, message)
	}
	return true
}

func (s *State) isHeld() bool { return s.r.Status == Pending && s.r.Held }

// AddDependent records that another job waits for this one: not terminal → the same. It
// returns false if the record says so.
func (s *State) AddDependent() bool {
	if s.r.Status.Terminal() || s.r.Dependents {
		return false
	}
	s.r.Dependents = true
	return true
}

// Settled records that the jobs which waited for this one were looked at after its end.
func (s *State) Settled(now time.Time) bool {
	if !s.r.NeedsSettling() || s.r.DueAt.After(now) {
		return false
	}
	s.setDue(time.Time{})
	s.r.SettledTo = ""
	return true
}

// SettleTo records that of the jobs which waited for this one, those up to an ID were
// looked at after its end.
func (s *State) SettleTo(id string) bool {
	if !s.r.NeedsSettling() || id <= s.r.SettledTo {
		return false
	}
	s.r.SettledTo = id
	return true
}

// NeedsSettling reports whether the job has ended, and the jobs that waited for it may
// not know.
func (r *StateRecord) NeedsSettling() bool {
	return r.Status.Terminal() && r.Dependents && !r.DueAt.IsZero()
}

// QueuedAt is when the job came into its queue.
func (r *StateRecord) QueuedAt() time.Time {
	if !r.ReleasedAt.IsZero() {
		return r.ReleasedAt
	}
	return r.CreatedAt
}
