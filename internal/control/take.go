package control

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// takeSlack is added to a ticket's first visibility timeout, so that the lease has
// ended when the ticket is visible again.
const takeSlack = 5 * time.Second

// queueSlice is how long a poll over several queues waits at one before it looks
// at the next.
const queueSlice = time.Second

// TicketQueue holds tickets: one FIFO queue for each queue of jobs. A ticket that
// arrives twice, late or never costs time only.
type TicketQueue interface {
	// Send puts a ticket at the end of its message group. Tickets with one dedupID
	// within five minutes are one. Durable when it returns.
	Send(ctx context.Context, queue, groupID, dedupID, jobID string) error
	// Receive takes the next ticket and hides it for hold. It waits up to wait
	// for one and returns nil if none came. The same attemptID within five
	// minutes gives the same ticket again, if nothing was done with it.
	// A ticket that can't be read is logged and deleted.
	Receive(ctx context.Context, queue, attemptID string, wait, hold time.Duration) (*Ticket, error)
	// Hide hides a received ticket for d from now on. 0 makes it visible.
	Hide(ctx context.Context, queue, handle string, d time.Duration) error
	// Delete removes a received ticket.
	Delete(ctx context.Context, queue, handle string) error
}

// A Ticket is a message that names a job which may be assignable.
type Ticket struct {
	JobID  string
	Handle string // for Hide and Delete
}

// TakeRequest asks for work.
type TakeRequest struct {
	WorkerID string
	Epoch    int
	PollID   string
	Wait     time.Duration
}

// TakeJob assigns the next job of the worker's queues. It waits for one as long as the
// worker asks and the server allows, and returns nil if there is none. Repeated with
// the same poll ID, after a lost response, it returns the same attempt.
// Errors: CodeWorkerNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) TakeJob(ctx context.Context, c Caller, r TakeRequest) (*errand.Assignment, error) {
	if !errand.ValidPollID(r.PollID) {
		return nil, errand.InvalidField("pollId", "pollId must match %s; use a new one for each poll, and the same one to repeat a poll whose answer was lost", errand.PollPattern)
	}
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return nil, err
	}
	t := &take{Service: s, caller: c, worker: w, TakeRequest: r}
	if a, err := t.replay(ctx, w.Poll); a != nil || err != nil {
		return a, err
	}
	if w.Draining {
		return nil, nil
	}
	return t.receive(ctx, min(r.Wait, s.Timing.PollWait))
}

// take is a poll in progress.
type take struct {
	*Service
	caller Caller
	worker *errand.Worker
	TakeRequest
	received int // tickets so far
}

// replay returns the assignment of a lost response again, if it is still current.
func (t *take) replay(ctx context.Context, p errand.Poll) (*errand.Assignment, error) {
	if p.ID != t.PollID || p.JobID == "" {
		return nil, nil
	}
	var ours bool
	st, err := t.change(ctx, p.JobID, func(st *errand.State, now time.Time) (bool, error) {
		r := st.Record()
		ours = r.Answers(t.worker.ID, p)
		return ours && st.ExtendShortLease(now, t.Timing), nil
	})
	if errand.CodeOf(err) == errand.CodeJobNotFound || err == nil && !ours {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	spec, _, err := t.Store.Job(ctx, st.JobID)
	if err != nil {
		return nil, unavailable("read the job", err)
	}
	return t.assignment(ctx, spec, st)
}

// receive considers tickets until one yields an assignment or the time is over.
func (t *take) receive(ctx context.Context, wait time.Duration) (*errand.Assignment, error) {
	deadline := t.now().Add(wait)
	for first := true; ; first = false {
		queues, err := t.openQueues(ctx)
		if err != nil {
			return nil, err
		}
		left := max(deadline.Sub(t.now()), 0)
		switch {
		case len(queues) > 1 && first:
			left = 0 // look at each before waiting at one
		case len(queues) > 1:
			left = min(left, queueSlice)
		default:
			left = min(left, t.Timing.Heartbeat) // there may be new queues
		}
		if a, err := t.round(ctx, queues, left); a != nil || err != nil {
			return a, err
		}
		if left = deadline.Sub(t.now()); left <= 0 {
			return nil, nil
		}
		if len(queues) == 0 {
			if err := clock.Sleep(ctx, t.Clock, min(left, queueSlice)); err != nil {
				return nil, unavailable("answer a worker that has gone", err)
			}
		}
	}
}

// openQueues returns the names of the worker's queues that are not paused, in its order.
func (t *take) openQueues(ctx context.Context) ([]string, error) {
	own, err := t.queuesOf(ctx, t.worker)
	if err != nil {
		return nil, err
	}
	return queueNames(slices.DeleteFunc(own, func(q errand.Queue) bool { return q.Paused })), nil
}

// isOpen reports whether the worker may still take from the queue: it may have been
// paused while the poll waited.
func (t *take) isOpen(ctx context.Context, queue string) bool {
	open, err := t.openQueues(ctx)
	return err != nil || slices.Contains(open, queue)
}

// round considers the next tickets of each queue, and waits up to wait at each.
func (t *take) round(ctx context.Context, queues []string, wait time.Duration) (*errand.Assignment, error) {
	for _, q := range queues {
		for {
			ticket, err := t.Queue.Receive(ctx, q, t.attemptID(), wait, t.Timing.ShortLease+takeSlack)
			if err != nil {
				return nil, unavailable("ask the queue", err)
			}
			if ticket == nil {
				break
			}
			t.received++
			if ctx.Err() != nil { // nobody would learn of the job
				t.release(ctx, q, ticket)
				return nil, unavailable("answer a worker that has gone", context.Cause(ctx))
			}
			if !t.isOpen(ctx, q) {
				t.release(ctx, q, ticket)
				break
			}
			a, err := t.consider(ctx, q, ticket)
			if a != nil || err != nil {
				return a, err
			}
			wait = 0
		}
	}
	return nil, nil
}

// attemptID is the receive request's attempt ID. It makes SQS return the same ticket
// to a repeated poll, and another ticket to a poll that could not use the first.
func (t *take) attemptID() string {
	if t.received == 0 {
		return t.PollID
	}
	return t.PollID + "-" + t.NewID(t.now())
}

// consider applies the assignment table to a ticket.
func (t *take) consider(ctx context.Context, queue string, ticket *Ticket) (*errand.Assignment, error) {
	for range casAttempts {
		a, err := t.considerOnce(ctx, queue, ticket)
		if !errors.Is(err, ErrConflict) {
			return a, err
		}
	}
	t.release(ctx, queue, ticket)
	return nil, errBusy("job " + ticket.JobID)
}

func (t *take) considerOnce(ctx context.Context, queue string, ticket *Ticket) (*errand.Assignment, error) {
	spec, st, err := t.Store.Job(ctx, ticket.JobID)
	if errors.Is(err, ErrNotFound) {
		return nil, t.drop(ctx, queue, ticket)
	}
	if err != nil {
		t.release(ctx, queue, ticket)
		return nil, unavailable("read the job", err)
	}
	now, before := t.now(), st.Record()
	switch {
	case st.Expire(now, t.Timing), st.EndLease(now):
		return nil, t.end(ctx, before, st, ticket)
	case st.Assignable(now) && !t.worker.CanRun(spec):
		t.leave(ctx, queue, ticket)
		return nil, nil
	case st.Assignable(now):
		return t.give(ctx, spec, st, ticket)
	case st.AdoptTicket(now, ticket.Handle):
		return t.adopt(ctx, spec, st, ticket)
	}
	return nil, t.drop(ctx, queue, ticket)
}

// unsuitedHold is how long the ticket of a job that this worker lacks a feature for is
// left to other workers.
const unsuitedHold = 5 * time.Second

// leave leaves a ticket to other workers. This one looks at the next.
func (t *take) leave(ctx context.Context, queue string, ticket *Ticket) {
	if err := t.Queue.Hide(ctx, queue, ticket.Handle, unsuitedHold); err != nil {
		t.Log.WarnContext(ctx, "ticket for another worker not left", "job", ticket.JobID, "err", err)
	}
}

// drop deletes a ticket that is no longer needed. If that fails, the ticket is
// delivered again, so the poll continues.
func (t *take) drop(ctx context.Context, queue string, ticket *Ticket) error {
	if err := t.Queue.Delete(ctx, queue, ticket.Handle); err != nil {
		t.Log.WarnContext(ctx, "ticket not deleted", "job", ticket.JobID, "err", err)
	}
	return nil
}

// end writes a state that has become terminal, then deletes the ticket.
func (t *take) end(ctx context.Context, before errand.StateRecord, st *errand.State, ticket *Ticket) error {
	if err := t.put(ctx, st); err != nil {
		return err
	}
	t.logChange(ctx, before, st.Record())
	return t.drop(ctx, st.Record().Queue, ticket)
}

// put is Store.PutState. It returns ErrConflict as it is, for consider.
func (t *take) put(ctx context.Context, st *errand.State) error {
	err := t.Store.PutState(ctx, st)
	if err != nil && !errors.Is(err, ErrConflict) {
		return unavailable("keep the job's state", err)
	}
	return err
}

// adopt stores that the ticket of a running job was delivered again, and hides the
// ticket for the rest of the lease. If the job was assigned to this poll, whose
// response was lost, adopt returns that assignment.
func (t *take) adopt(ctx context.Context, spec *errand.Spec, st *errand.State, ticket *Ticket) (*errand.Assignment, error) {
	r := st.Record()
	rest := r.LeaseUntil.Sub(t.now())
	if err := t.put(ctx, st); err != nil {
		return nil, err
	}
	if r.WorkerID == t.worker.ID && r.PollID == t.PollID {
		return t.assignment(ctx, spec, r)
	}
	if err := t.Queue.Hide(ctx, r.Queue, ticket.Handle, rest+takeSlack); err != nil {
		t.Log.WarnContext(ctx, "ticket of a running job not hidden", "job", r.JobID, "err", err)
	}
	return nil, nil
}

// give assigns the job. It stores the assignment in the job's state and in the
// worker's record, at once. If the response is lost, replay finds it in the latter.
func (t *take) give(ctx context.Context, spec *errand.Spec, st *errand.State, ticket *Ticket) (*errand.Assignment, error) {
	r := st.Record()
	poll := errand.Poll{ID: t.PollID, JobID: r.JobID, Attempt: r.Attempt + 1}
	before := *st
	st.Assign(t.now(), errand.Taker{WorkerID: t.worker.ID, WorkerName: t.worker.Name, PollID: t.PollID, Handle: ticket.Handle}, t.Timing)
	var wg sync.WaitGroup
	var workerErr error
	wg.Go(func() {
		workerErr = t.changeWorker(ctx, t.worker, t.Epoch, func(w *errand.Worker) { w.Answer(poll, t.now()) })
	})
	err := t.put(ctx, st)
	wg.Wait()
	switch {
	case err != nil:
		return nil, err
	case workerErr != nil:
		st.Withdraw(before)
		t.withdraw(context.WithoutCancel(ctx), st, ticket)
		return nil, workerErr
	}
	t.logChange(ctx, r, st.Record())
	return t.assignment(ctx, spec, st.Record())
}

// withdraw stores that an assignment was undone, since no worker will hear of it. If
// that fails, the job waits for the end of the short lease.
func (t *take) withdraw(ctx context.Context, st *errand.State, ticket *Ticket) {
	if err := t.put(ctx, st); err != nil {
		t.Log.WarnContext(ctx, "assignment not withdrawn", "job", ticket.JobID, "err", err)
		return
	}
	t.release(ctx, st.Record().Queue, ticket)
}

// release makes a ticket visible that this poll can't use but another can, so that
// its group need not wait for the visibility timeout. It must not be called if an
// assignment may have been written, since that needs the receipt handle.
func (t *take) release(ctx context.Context, queue string, ticket *Ticket) {
	if err := t.Queue.Hide(context.WithoutCancel(ctx), queue, ticket.Handle, 0); err != nil {
		t.Log.WarnContext(ctx, "ticket not released", "job", ticket.JobID, "err", err)
	}
}

func (t *take) assignment(ctx context.Context, spec *errand.Spec, st errand.StateRecord) (*errand.Assignment, error) {
	return t.Service.assignment(ctx, t.caller, spec, st)
}
