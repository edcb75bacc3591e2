package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
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
	// Receive takes the next tickets, up to count, in the order of their groups, and
	// hides them for hold. It waits up to wait until there is one, and returns none if
	// none came. The same attemptID within five minutes gives the same tickets again,
	// if nothing was done with them. A ticket that can't be read is logged and deleted.
	Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]Ticket, error)
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

	count    int
	accepts  bool               // see errand.Taker
	released []errand.AttemptID // were reported with the request
}

// TakeJob assigns the next job of the worker's queues. It waits for one as long as the
// worker asks and the server allows, and returns nil if there is none. Repeated with
// the same poll ID, after a lost response, it returns the same attempt. The attempt
// counts as accepted when a heartbeat names it.
// Errors: CodeWorkerNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) TakeJob(ctx context.Context, c Caller, r TakeRequest) (*errand.Assignment, error) {
	r.count = 1
	if err := checkPollID(r.PollID); err != nil {
		return nil, err
	}
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return nil, err
	}
	all, err := s.take(ctx, c, w, r)
	if len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func checkPollID(id string) error {
	if !errand.ValidPollID(id) {
		return errand.InvalidField("pollId", "pollId must match %s; use a new one for each poll, and the same one to repeat a poll whose answer was lost", errand.PollPattern)
	}
	return nil
}

// take assigns up to r.count jobs to the worker. If it fails after it has assigned some,
// it returns these, unless it doesn't know whether it assigned more.
func (s *Service) take(ctx context.Context, c Caller, w *errand.Worker, r TakeRequest) ([]*errand.Assignment, error) {
	t := &take{Service: s, caller: c, worker: w, TakeRequest: r}
	if all, err := t.replay(ctx, w.Poll); len(all) > 0 || err != nil {
		return all, err
	}
	if !w.MayTake() {
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
	received int             // tickets so far
	looks    map[string]look // for waiting jobs, by queue
	given    []*errand.Assignment
	// doubt says that an assignment may have been written or not. Then the worker must
	// repeat the poll to learn of it, and gets the others again.
	doubt bool
}

// replay returns the assignments of a lost response again that are still current.
func (t *take) replay(ctx context.Context, p errand.Poll) ([]*errand.Assignment, error) {
	if p.ID != t.PollID {
		return nil, nil
	}
	for _, id := range p.Attempts {
		a, err := t.replayAttempt(ctx, id)
		if err != nil {
			return nil, err // nothing is lost: the worker asks again
		}
		if a != nil {
			t.given = append(t.given, a)
		}
	}
	return t.given, nil
}

func (t *take) replayAttempt(ctx context.Context, id errand.AttemptID) (*errand.Assignment, error) {
	var ours bool
	st, err := t.change(ctx, id.JobID, func(st *errand.State, now time.Time) (bool, error) {
		r := st.Record()
		ours = r.Attempt == id.Attempt && r.Answers(t.worker.ID, t.Epoch, t.PollID)
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
	return t.assignment(ctx, t.caller, spec, st)
}

// receive considers tickets and waiting jobs until some yield assignments or the time is
// over.
func (t *take) receive(ctx context.Context, wait time.Duration) ([]*errand.Assignment, error) {
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
		err = t.heldRound(ctx, queues, left)
		if err == nil && len(t.given) == 0 && !deadline.After(t.now()) {
			err = t.lastLook(ctx, queues)
		}
		if len(t.given) > 0 && !t.doubt {
			if err != nil {
				t.Log.WarnContext(ctx, "fewer jobs assigned than asked for", "worker", t.worker.ID, "err", err)
			}
			return t.given, nil
		}
		if err != nil || !t.worker.MayTake() {
			return nil, err
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

// heldRound is a round whose wait ends when a job begins to wait that the worker can run.
// If the poll then gets others, another poll is woken for that job.
func (t *take) heldRound(ctx context.Context, queues []string, wait time.Duration) error {
	if wait == 0 {
		return t.round(ctx, ctx, queues, 0)
	}
	held, wake := context.WithCancel(ctx)
	defer wake()
	worker := *t.worker // the poll changes its own
	w := t.Changes.arrivals.await(queues, &worker, wake)
	err := t.round(ctx, held, queues, wait)
	if n := t.Changes.arrivals.leave(w); n != nil && (err != nil || len(t.given) > 0) {
		t.Changes.arrivals.arrive(*n)
	}
	return err
}

// lastLook looks for waiting jobs of kinds that were new to the queue less than
// kindsAge ago: another process may have created them.
func (t *take) lastLook(ctx context.Context, queues []string) error {
	for _, q := range queues {
		if _, fresh := t.Changes.arrivals.kinds(q, t.now(), kindsAgeEmpty); fresh {
			continue
		}
		ids, err := t.waitingIDs(ctx, q, kindsAgeEmpty)
		if err == nil {
			err = t.takeWaiting(ctx, q, ids)
		}
		if err != nil || len(t.given) > 0 {
			return err
		}
	}
	return nil
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

// round looks at each queue, until one yields assignments, and waits up to wait at each,
// while held lasts.
func (t *take) round(ctx, held context.Context, queues []string, wait time.Duration) error {
	for _, q := range queues {
		ids, err := t.newWaitingIDs(ctx, q)
		if err != nil {
			return err
		}
		if len(ids) > 0 && ids[0] < t.Changes.arrivals.passed(q) { // older than all tickets
			err = t.takeWaiting(ctx, q, ids)
			ids = nil
		}
		if err == nil && len(t.given) == 0 {
			wait := wait
			if len(ids) > 0 {
				wait = 0
			}
			err = t.takeTickets(ctx, held, q, ids, wait)
		}
		if err == nil && len(t.given) == 0 {
			err = t.takeWaiting(ctx, q, ids)
		}
		if err == nil && len(t.given) == 0 && len(ids) > 0 { // the index named jobs that others have: the tickets were given back for them
			err = t.takeTickets(ctx, held, q, nil, 0)
		}
		if err != nil || len(t.given) > 0 {
			return err
		}
	}
	return nil
}

// newWaitingIDs is waitingIDs, if the poll hasn't looked at the queue since a job began to
// wait in it. Of other processes it knows nothing, so it looks now and then.
func (t *take) newWaitingIDs(ctx context.Context, queue string) ([]string, error) {
	now, count := t.now(), t.Changes.arrivals.arrived(queue)
	last, ok := t.looks[queue]
	if ok && last.count == count && now.Sub(last.at) < lookAgain {
		return nil, nil
	}
	ids, err := t.waitingIDs(ctx, queue, kindsAge)
	if t.looks == nil {
		t.looks = map[string]look{}
	}
	t.looks[queue] = look{count, now}
	return ids, err
}

// lookAgain is how often a held poll looks for waiting jobs that other processes created.
const lookAgain = 5 * time.Second

// look is when a poll looked for waiting jobs, and how many had arrived in the process.
type look struct {
	count int
	at    time.Time
}

// takeTickets considers the next tickets of the queue, until some yield assignments, and
// waits for one up to wait, while held lasts. It takes none that is newer than the first
// of the waiting jobs.
func (t *take) takeTickets(ctx, held context.Context, queue string, waiting []string, wait time.Duration) error {
	for {
		tickets, err := t.receiveTickets(ctx, held, queue, wait)
		if err != nil {
			return unavailable("ask the queue", err)
		}
		if len(tickets) == 0 {
			return nil
		}
		t.received += len(tickets)
		b := &batch{take: t, queue: queue}
		if ctx.Err() != nil { // nobody would learn of the jobs
			b.release(ctx, tickets...)
			return unavailable("answer a worker that has gone", context.Cause(ctx))
		}
		if !t.worker.MayTake() || !t.isOpen(ctx, queue) {
			b.release(ctx, tickets...)
			return nil
		}
		if len(waiting) > 0 && waiting[0] < tickets[0].JobID {
			t.Changes.arrivals.pass(queue, tickets[0].JobID)
			b.release(ctx, tickets...)
			return nil
		}
		if err := b.consider(ctx, tickets); len(t.given) > 0 || err != nil {
			t.Changes.arrivals.pass(queue, tickets[len(tickets)-1].JobID)
			return err
		}
		wait = 0
	}
}

// receiveTickets receives tickets, or waits for some until held ends. Of a process's polls,
// few wait at the queue: the others look once, and wait for their turn.
func (t *take) receiveTickets(ctx, held context.Context, queue string, wait time.Duration) ([]Ticket, error) {
	id := t.attemptID()
	receive := func(ctx context.Context, wait time.Duration) ([]Ticket, error) {
		return t.Queue.Receive(ctx, queue, id, t.count, wait, t.Timing.ShortLease+takeSlack)
	}
	if wait == 0 {
		return receive(ctx, 0)
	}
	turn, leave := t.Changes.lines.join(queue)
	defer leave()
	if !hasTurn(turn) {
		tickets, err := receive(ctx, 0)
		if len(tickets) > 0 || err != nil {
			return tickets, err
		}
		if wait = t.awaitTurn(held, turn, wait); wait <= 0 {
			return nil, context.Cause(ctx)
		}
	}
	tickets, err := receive(held, wait)
	if err != nil && held.Err() != nil && ctx.Err() == nil {
		return receive(ctx, 0) // the tickets of an answer that was lost by held's end
	}
	return tickets, err
}

// awaitTurn returns how much of the time is left when it is the poll's turn; 0 if held
// ended before.
func (t *take) awaitTurn(held context.Context, turn <-chan struct{}, wait time.Duration) (left time.Duration) {
	deadline := t.now().Add(wait)
	over, stop := clock.After(t.Clock, wait)
	defer stop()
	select {
	case <-turn:
		return deadline.Sub(t.now())
	case <-over:
	case <-held.Done():
	}
	return 0
}

// attemptID is the receive request's attempt ID. It makes SQS return the same tickets
// to a repeated poll, and other tickets to a poll that could not use the first. Workers
// may use the same poll IDs, so it is of the worker and its epoch, too.
func (t *take) attemptID() string {
	poll := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", t.worker.ID, t.Epoch, t.PollID))
	id := hex.EncodeToString(poll[:])
	if t.received == 0 {
		return id
	}
	return id + "-" + t.NewID(t.now())
}
