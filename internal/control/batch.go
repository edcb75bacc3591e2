package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// A batch is the tickets of one queue that a poll received at once. At most one attempt
// of a message group is given out at a time, so a ticket behind one that stays in its
// group is made visible again.
type batch struct {
	*take
	queue string
	// waiting says that the jobs were found by their kinds. Then the tickets are theirs, as
	// far as they have any.
	waiting bool

	busy   map[string]bool // message groups whose first ticket stays
	again  []Ticket        // whose job was changed by others meanwhile
	behind []Ticket        // of busy groups
	offers []*offer
	err    error // the first failure
}

// An offer is an attempt that is about to be given to the worker.
type offer struct {
	ticket     Ticket
	spec       *errand.Spec
	before, st *errand.State
	assignment *errand.Assignment
	err        error // of writing the state
}

// consider applies the assignment table to the tickets, and adds the assignments to the
// poll's. After an error, the tickets that could not be handled are visible again, or
// will be when their first visibility timeout ends.
func (b *batch) consider(ctx context.Context, tickets []Ticket) error {
	for range casAttempts {
		b.busy, b.again, b.offers = map[string]bool{}, nil, nil
		b.considerOnce(ctx, tickets)
		b.give(ctx)
		if tickets = b.again; len(tickets) == 0 {
			break
		}
	}
	b.release(ctx, b.behind...)
	if len(tickets) > 0 {
		b.release(ctx, tickets...)
		b.fail(errBusy("job " + tickets[0].JobID))
	}
	return b.err
}

func (b *batch) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// considerOnce handles all tickets but those whose job is to be assigned: these become
// offers.
func (b *batch) considerOnce(ctx context.Context, tickets []Ticket) {
	jobs := b.jobs(ctx, tickets)
	for i, ticket := range tickets {
		j := jobs[i]
		switch {
		case errors.Is(j.err, ErrNotFound):
			b.drop(ctx, ticket)
			continue
		case j.err != nil: // those that follow may be of its group
			b.behind = append(b.behind, tickets[i:]...)
			b.fail(unavailable("read the job", j.err))
			return
		}
		if b.waiting {
			ticket.Handle = j.state.Record().Handle
			if err := b.decideWaiting(ctx, j.spec, j.state, ticket); err != nil && !errors.Is(err, ErrConflict) {
				b.fail(err)
			}
			continue
		}
		group := j.state.Record().MessageGroupID
		if b.busy[group] {
			b.behind = append(b.behind, ticket)
			continue
		}
		stays, err := b.decide(ctx, j.spec, j.state, ticket)
		if errors.Is(err, ErrConflict) {
			stays, b.again = true, append(b.again, ticket)
		} else if err != nil {
			stays = true
			b.fail(err)
		}
		b.busy[group] = stays
	}
}

type readJob struct {
	spec  *errand.Spec
	state *errand.State
	err   error
}

// jobs reads the jobs of the tickets, unless this process wrote them a moment ago: what
// depends on it is a write of the state, or that the job has ended, which stays so.
func (b *batch) jobs(ctx context.Context, tickets []Ticket) []readJob {
	jobs := make([]readJob, len(tickets))
	inParallel(len(tickets), func(i int) {
		j := &jobs[i]
		if !b.waiting { // else what is decided about those that wait no more needs the stored state
			if j.spec, j.state = b.Changes.recent.get(tickets[i].JobID, b.now()); j.spec != nil {
				return
			}
		}
		j.spec, j.state, j.err = b.Store.Job(ctx, tickets[i].JobID)
	})
	return jobs
}

// inParallel calls f with 0 to n-1, all at once: the last in the caller's goroutine.
func inParallel(n int, f func(i int)) {
	if n == 0 {
		return
	}
	var running sync.WaitGroup
	for i := range n - 1 {
		running.Go(func() { f(i) })
	}
	f(n - 1)
	running.Wait()
}

// decide applies the assignment table to one ticket. stays reports whether the next
// ticket of its group must wait. Errors: ErrConflict, if the job changed meanwhile.
func (b *batch) decide(ctx context.Context, spec *errand.Spec, st *errand.State, ticket Ticket) (stays bool, err error) {
	now, before := b.now(), *st
	switch {
	case st.Expire(now, b.Timing), st.EndLease(now):
		return false, b.end(ctx, before.Record(), st, ticket)
	case st.Assignable(now) && !b.worker.CanRun(spec):
		return true, b.park(ctx, spec, st, ticket)
	case st.Assignable(now):
		return true, b.offer(ctx, spec, &before, st, ticket)
	case st.AdoptTicket(now, ticket.Handle):
		return true, b.adopt(ctx, spec, st, ticket)
	}
	b.drop(ctx, ticket)
	return false, nil
}

// decideWaiting decides about a job that was found by its kind. The index may lag behind.
func (b *batch) decideWaiting(ctx context.Context, spec *errand.Spec, st *errand.State, ticket Ticket) error {
	now, before := b.now(), *st
	r := before.Record()
	switch {
	case !r.Waiting || r.Queue != b.queue:
		return nil
	case st.Expire(now, b.Timing), st.EndLease(now):
		return b.end(ctx, r, st, ticket)
	case st.Assignable(now) && b.worker.CanRun(spec):
		return b.offer(ctx, spec, &before, st, ticket)
	}
	return nil
}

// parkHold is how long the ticket of a parked job is hidden: SQS allows 12 hours from its
// delivery.
const parkHold = 12*time.Hour - 10*time.Minute

// park has a job that this worker can't run found by its kind: see errand.State.Park.
func (b *batch) park(ctx context.Context, spec *errand.Spec, st *errand.State, ticket Ticket) error {
	r := spec.Requirements()
	if r.Kind() == "" { // only its folder is too large
		b.leave(ctx, ticket)
		return nil
	}
	if err := b.addKind(ctx, b.queue, r, false); err != nil {
		b.Log.WarnContext(ctx, "job not parked", "job", ticket.JobID, "err", err)
		b.leave(ctx, ticket)
		return nil
	}
	st.Park(b.now(), r.Kind(), ticket.Handle, b.now().Add(parkHold), b.Timing)
	if spec.Group != "" { // first: a ticket that shows itself too early is parked again
		if err := b.Queue.Hide(ctx, b.queue, ticket.Handle, parkHold); err != nil {
			b.Log.WarnContext(ctx, "ticket of a parked job not hidden", "job", ticket.JobID, "err", err)
		}
	}
	if err := b.put(ctx, st); err != nil {
		if spec.Group != "" && !errors.Is(err, ErrConflict) { // the record doesn't know that it is hidden
			b.release(ctx, ticket)
		}
		return err
	}
	if spec.Group == "" {
		b.drop(ctx, ticket)
	}
	b.ringMany(ctx)
	return nil
}

// unsuitedHold is how long the ticket of a job that this worker can't run is left to
// other workers, if it can't be parked.
const unsuitedHold = 5 * time.Second

// leave leaves a ticket to other workers. This one looks at the next.
func (b *batch) leave(ctx context.Context, ticket Ticket) {
	if err := b.Queue.Hide(ctx, b.queue, ticket.Handle, unsuitedHold); err != nil {
		b.Log.WarnContext(ctx, "ticket for another worker not left", "job", ticket.JobID, "err", err)
	}
}

// drop deletes a ticket that is no longer needed. If that fails, the ticket is
// delivered again, so the poll continues.
func (b *batch) drop(ctx context.Context, ticket Ticket) {
	if ticket.Handle == "" {
		return
	}
	if err := b.Queue.Delete(ctx, b.queue, ticket.Handle); err != nil {
		b.Log.WarnContext(ctx, "ticket not deleted", "job", ticket.JobID, "err", err)
	}
}

// release makes tickets visible that this poll can't use but another can, so that
// their groups need not wait for the visibility timeout. It must not be called if an
// assignment may have been written, since that needs the receipt handle.
func (b *batch) release(ctx context.Context, tickets ...Ticket) {
	if b.waiting { // they are not shown
		return
	}
	for _, t := range tickets {
		if err := b.Queue.Hide(context.WithoutCancel(ctx), b.queue, t.Handle, 0); err != nil {
			b.Log.WarnContext(ctx, "ticket not released", "job", t.JobID, "err", err)
		}
	}
}

// end writes a state that has become terminal, then deletes the ticket.
func (b *batch) end(ctx context.Context, before errand.StateRecord, st *errand.State, ticket Ticket) error {
	if err := b.put(ctx, st); err != nil {
		return err
	}
	b.logChange(ctx, before, st.Record())
	b.drop(ctx, ticket)
	return nil
}

// put is Store.PutState. It returns ErrConflict as it is, for consider.
func (b *batch) put(ctx context.Context, st *errand.State) error {
	err := b.Store.PutState(ctx, st)
	if err != nil && !errors.Is(err, ErrConflict) {
		return unavailable("keep the job's state", err)
	}
	return err
}

// adopt stores that the ticket of a running job was delivered again, and hides the
// ticket for the rest of the lease. If the job was assigned to this poll, whose
// response was lost, adopt adds that assignment.
func (b *batch) adopt(ctx context.Context, spec *errand.Spec, st *errand.State, ticket Ticket) error {
	r := st.Record()
	rest := r.LeaseUntil.Sub(b.now())
	if err := b.put(ctx, st); err != nil {
		return err
	}
	if r.Answers(b.worker.ID, b.Epoch, b.PollID) {
		a, err := b.assignment(ctx, b.caller, spec, r)
		if err == nil {
			b.given = append(b.given, a)
		}
		return err
	}
	if err := b.Queue.Hide(ctx, b.queue, ticket.Handle, rest+takeSlack); err != nil {
		b.Log.WarnContext(ctx, "ticket of a running job not hidden", "job", r.JobID, "err", err)
	}
	return nil
}

// offer prepares the assignment of a job, which give stores.
func (b *batch) offer(ctx context.Context, spec *errand.Spec, before, st *errand.State, ticket Ticket) error {
	st.Assign(b.now(), errand.Taker{
		WorkerID: b.worker.ID, WorkerName: b.worker.Name, Epoch: b.Epoch, PollID: b.PollID, Handle: ticket.Handle, Accepts: b.accepts,
	}, b.Timing)
	a, err := b.assignment(ctx, b.caller, spec, st.Record())
	if err != nil {
		b.release(ctx, ticket)
		return err
	}
	b.offers = append(b.offers, &offer{ticket: ticket, spec: spec, before: before, st: st, assignment: a})
	return nil
}

// give stores the assignments in the jobs' states and in the worker's record, at once.
// If the response is lost, replay finds them in the latter. That write also shows whether
// the worker was paused while the poll waited: then it gets none.
func (b *batch) give(ctx context.Context) {
	if len(b.offers) == 0 {
		return
	}
	poll := errand.Poll{ID: b.PollID}
	for _, a := range b.given {
		poll.Attempts = append(poll.Attempts, errand.AttemptID{JobID: a.JobID, Attempt: a.Attempt})
	}
	for _, o := range b.offers {
		poll.Attempts = append(poll.Attempts, errand.AttemptID{JobID: o.assignment.JobID, Attempt: o.assignment.Attempt})
	}
	var workerErr error
	inParallel(1+len(b.offers), func(i int) {
		if i == 0 {
			workerErr = b.changeWorker(ctx, b.worker, b.Epoch, func(w *errand.Worker) {
				w.Release(b.released, b.now())
				w.Answer(poll, b.now())
			})
			return
		}
		o := b.offers[i-1]
		o.err = b.put(ctx, o.st)
	})
	if workerErr != nil {
		b.fail(workerErr)
	}
	refused := workerErr != nil || !b.worker.MayTake()
	for _, o := range b.offers {
		switch {
		case errors.Is(o.err, ErrConflict) && b.waiting: // another worker was faster
		case errors.Is(o.err, ErrConflict):
			b.again = append(b.again, o.ticket)
		case o.err != nil:
			b.fail(o.err)
			b.doubt = true
		case refused:
			b.withdraw(context.WithoutCancel(ctx), o)
		default:
			b.logChange(ctx, o.before.Record(), o.st.Record())
			if b.Assigned != nil {
				b.Assigned(o.spec, o.st.Record())
			}
			b.given = append(b.given, o.assignment)
		}
	}
}

// withdraw stores that an assignment was undone, since no worker will hear of it. If
// that fails, the job waits for the end of the short lease.
func (b *batch) withdraw(ctx context.Context, o *offer) {
	o.st.Withdraw(*o.before)
	if err := b.put(ctx, o.st); err != nil {
		b.Log.WarnContext(ctx, "assignment not withdrawn", "job", o.ticket.JobID, "err", err)
		return
	}
	b.release(ctx, o.ticket)
}
