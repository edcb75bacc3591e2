package errand

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SubmitResult ends a job whose commands ran to their end. Submitting the same
// attempt again is answered as the first time.
// Errors: CodeStaleAttempt, CodeJobNotFound, CodeSuperseded, CodeInvalidField, CodePayloadTooLarge.
func (s *Service) SubmitResult(ctx context.Context, c Caller, r Report, res Result) (Status, error) {
	if err := validateResult("result", &res); err != nil {
		return "", err
	}
	return s.submit(ctx, c, r, &res, func(st *State, now time.Time) {
		st.finish(now, Completed, "", "")
		code := res.ExitCode
		st.ExitCode = &code
	})
}

// SubmitFailure ends a job that could not be run to its end, or gives it back
// where the worker is at fault and attempts are left. Errors: as SubmitResult.
func (s *Service) SubmitFailure(ctx context.Context, c Caller, r Report, f Failure) (Status, error) {
	if !reportable[f.Reason] {
		return "", invalid("reason", "%q is not a reason that a worker may report", f.Reason)
	}
	if len(f.Error) > MaxErrorBytes {
		return "", invalid("error", "error is %d bytes long; the limit is %d", len(f.Error), MaxErrorBytes)
	}
	if f.Result != nil {
		if err := validateResult("result", f.Result); err != nil {
			return "", err
		}
	}
	own := f.Reason == ReasonWorkerStopped || f.Reason == ReasonAgentError // not the job's fault
	return s.submit(ctx, c, r, f.Result, func(st *State, now time.Time) {
		switch {
		case f.Reason == ReasonCancelled, own && st.CancelRequested:
			st.finish(now, Cancelled, ReasonCancelled, "")
		case own && st.attemptsLeft():
			st.giveBack(now)
		default:
			st.finish(now, Failed, f.Reason, f.Error)
		}
	})
}

func validateResult(field string, r *Result) error {
	b, err := json.Marshal(r)
	if err != nil {
		return &Error{Code: CodeInvalidField, Field: field, Message: "the result can't be written as JSON", Cause: err}
	}
	if len(b) > MaxResultBytes {
		return &Error{Code: CodePayloadTooLarge, Field: field, Message: fmt.Sprintf("the result is %d bytes long as JSON; the limit is %d: outputs keep %d bytes of head and tail, the rest is in the log", len(b), MaxResultBytes, OutputHeadBytes)}
	}
	if r.Log.SHA256 != "" && !hashRE.MatchString(r.Log.SHA256) {
		return invalid(field+".log.sha256", "sha256 must be 64 lower-case hexadecimal digits")
	}
	if len(r.Commands) > MaxCommands {
		return invalid(field+".commands", "commands has %d entries; the limit is %d", len(r.Commands), MaxCommands)
	}
	return validateLogTail(field+".log", &r.Log)
}

// validateLogTail checks that the tail's frames end where the log does.
func validateLogTail(field string, l *Log) error {
	frames, err := ParseFrames(l.Tail)
	if err != nil {
		return &Error{Code: CodeInvalidField, Field: field + ".tail", Message: "the tail must be whole log frames", Cause: err}
	}
	end := l.TailOffset
	for _, f := range frames {
		if f.Offset != end {
			return invalid(field+".tail", "a frame begins at byte %d; the one before ends at %d", f.Offset, end)
		}
		end = f.End()
	}
	if end != l.Bytes || l.TailOffset < 0 || end-l.TailOffset > LogTailBytes {
		return invalid(field+".tail", "tailOffset and tail must end at the log's %d bytes, and hold at most %d", l.Bytes, LogTailBytes)
	}
	return nil
}

// submit writes the result, then the state that end makes, then deletes the
// ticket. A crash in between redelivers the ticket, and assignment deletes it.
func (s *Service) submit(ctx context.Context, c Caller, r Report, res *Result, end func(*State, time.Time)) (Status, error) {
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return "", err
	}
	done := false // the attempt had been reported before
	st, err := s.change(ctx, r.JobID, func(st *State, now time.Time) (bool, error) {
		if !st.heldBy(r.WorkerID, r.Attempt) {
			return false, errStale(r, st)
		}
		if done = st.Status.Terminal() && !st.presumed(); done {
			return false, nil
		}
		if res != nil {
			if err := s.Store.PutResult(ctx, r.JobID, r.Attempt, res); err != nil {
				return false, unavailable("keep the result", err)
			}
			st.LogBytes = res.Log.Bytes
		}
		st.Accepted = true
		end(st, now)
		return true, nil
	})
	if err != nil {
		return "", err
	}
	s.settleTicket(ctx, st) // also of a report that came before: what is lost may have been this
	if !done {
		s.unhold(ctx, w, r)
	}
	// A worker whose only slot this was asks for the next job by itself; one with
	// others may be at the bell with them. A ring that is lost with the answer is
	// made good when the report comes again.
	if w.Draining || w.Slots > 1 {
		s.ringForNext(ctx, st)
	}
	return st.View(s.now()).Status, nil
}

// unhold takes the attempt off the worker's record, so that it isn't shown as
// busy until its next heartbeat. It is a side job: that heartbeat does the same.
func (s *Service) unhold(ctx context.Context, w *Worker, r Report) {
	err := s.changeWorker(ctx, w, r.Epoch, func(w *Worker) {
		w.LastSeen = s.now()
		w.Holds = slices.DeleteFunc(w.Holds, func(h Hold) bool { return h.JobID == r.JobID && h.Attempt == r.Attempt })
	})
	if err != nil {
		s.Log.InfoContext(ctx, "worker's hold not removed", "worker", w.ID, "err", err)
	}
}

// settleTicket deletes the ticket of a job that is over, and shows that of one
// that was given back.
func (s *Service) settleTicket(ctx context.Context, st *State) {
	if st.Status.Terminal() {
		s.dropTicketOf(ctx, st)
		return
	}
	if err := s.Queue.Hide(ctx, st.Queue, st.Handle, 0); err != nil {
		s.Log.InfoContext(ctx, "ticket of a job given back not shown; the sweep will", "job", st.JobID, "err", err)
		return
	}
	s.ring(ctx, st.Queue) // this worker has stopped
}

func errStale(r Report, st *State) error {
	return Errorf(CodeStaleAttempt, "attempt %d of job %s is not this worker's current one (attempt %d is current): drop it", r.Attempt, r.JobID, st.Attempt)
}
