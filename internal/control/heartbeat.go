package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// Heartbeat records that a worker is alive, accepts the attempts that it names,
// renews their leases, and returns an order for each that could be renewed.
// Errors: CodeWorkerNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) Heartbeat(ctx context.Context, c Caller, h errand.Heartbeat) (errand.HeartbeatAnswer, error) {
	w, err := s.workerOf(ctx, c, h.WorkerID, h.Epoch)
	if err != nil {
		return errand.HeartbeatAnswer{}, err
	}
	if len(h.Holds) > errand.MaxHolds {
		return errand.HeartbeatAnswer{}, errand.InvalidField("holds", "holds has %d entries; the limit is %d", len(h.Holds), errand.MaxHolds)
	}
	interval := s.interval(len(h.Holds))
	out := errand.HeartbeatAnswer{Bell: s.bell()}
	if out.Orders, err = s.renewAll(ctx, c, w, h.Holds); err != nil {
		return errand.HeartbeatAnswer{}, err
	}
	for _, o := range out.Orders {
		if o.Watched { // someone sits before it, and may press Ctrl-C
			interval = min(interval, s.Timing.WatchedHeartbeat)
		}
	}
	out.IntervalMs, out.Drain = interval.Milliseconds(), w.DrainAsked
	err = s.changeWorker(ctx, w, h.Epoch, func(w *errand.Worker) { w.Beat(h, s.now(), interval) })
	return out, err
}

// HeldHeartbeat is a Heartbeat that first waits until one of the attempts needs another
// order than to go on: it is to be cancelled, it was given to another worker, or
// somebody began to read its log. It waits at most for wait, and as long as the server
// allows. Errors: as Heartbeat.
func (s *Service) HeldHeartbeat(ctx context.Context, c Caller, h errand.Heartbeat, wait time.Duration) (errand.HeartbeatAnswer, error) {
	w, err := s.workerOf(ctx, c, h.WorkerID, h.Epoch)
	if err != nil {
		return errand.HeartbeatAnswer{}, err
	}
	if wait = min(wait, s.Timing.PollWait); wait > 0 && len(h.Holds) <= errand.MaxHolds {
		s.awaitNewOrder(ctx, w, h.Holds, wait)
	}
	return s.Heartbeat(ctx, c, h)
}

func (s *Service) awaitNewOrder(ctx context.Context, w *errand.Worker, holds []errand.Hold, wait time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var waiting sync.WaitGroup
	for _, hold := range holds {
		waiting.Go(func() {
			defer cancel()
			s.awaitNewOrderOf(ctx, w, hold)
		})
	}
	over, stop := clock.After(s.Clock, wait)
	defer stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
	cancel()
	waiting.Wait()
}

func (s *Service) awaitNewOrderOf(ctx context.Context, w *errand.Worker, hold errand.Hold) {
	for {
		job, stop := s.Changes.subscribe(hold.JobID)
		state, err := s.Store.State(ctx, hold.JobID)
		if err != nil {
			stop()
			return // the heartbeat says what is wrong
		}
		st := state.Record()
		watched := s.now().Before(st.WatchedUntil)
		if !st.HeldBy(w.ID, hold.Attempt) || st.Status != errand.Running || st.CancelRequested || watched != hold.Watched {
			stop()
			return
		}
		s.waitForChange(ctx, job.changed, s.Recheck)
		stop()
		if ctx.Err() != nil {
			return
		}
	}
}

const (
	// renewTimeout bounds the renewal of one attempt, so that the others are answered
	// before the worker gives up the request.
	renewTimeout = 4 * time.Second
	// renewals is how many attempts are renewed at a time.
	renewals = 8
)

// renewAll returns the orders for the holds, in their order, without those that
// couldn't be renewed: the worker asks again for these. It fails if that is all.
func (s *Service) renewAll(ctx context.Context, c Caller, w *errand.Worker, holds []errand.Hold) ([]errand.Order, error) {
	all, errs := make([]errand.Order, len(holds)), make([]error, len(holds))
	var running sync.WaitGroup
	slots := make(chan struct{}, renewals)
	for i, hold := range holds {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, renewTimeout)
			defer cancel()
			all[i], errs[i] = s.renew(ctx, c, w, hold)
		})
	}
	running.Wait()
	orders := make([]errand.Order, 0, len(holds))
	var failed error
	for i, err := range errs {
		if err == nil {
			orders = append(orders, all[i])
			continue
		}
		failed = fmt.Errorf("holds[%d]: %w", i, err)
		if ctx.Err() != nil {
			continue // the worker has gone
		}
		s.Log.WarnContext(ctx, "attempt not renewed", "job", holds[i].JobID, "attempt", holds[i].Attempt, "err", err)
	}
	if len(orders) == 0 {
		return orders, failed
	}
	return orders, nil
}

// renew renews the lease of one attempt, if it is still the worker's.
func (s *Service) renew(ctx context.Context, c Caller, w *errand.Worker, hold errand.Hold) (errand.Order, error) {
	o := errand.Order{JobID: hold.JobID, Attempt: hold.Attempt, Order: errand.OrderAbandon}
	hidden := false
	st, err := s.change(ctx, hold.JobID, func(st *errand.State, now time.Time) (bool, error) {
		if over := !now.Before(st.Record().LeaseUntil); over && hold.Ended || !st.Renew(now, w.ID, hold.Attempt) {
			return false, nil // what has ended doesn't go on
		}
		if r := st.Record(); r.HiddenUntil.Sub(now) < s.Timing.RenewHold {
			hidden = hidden || s.hide(ctx, r)
			if hidden {
				st.TicketHidden(now.Add(s.Timing.TicketHold))
			}
		}
		return true, nil
	})
	if errand.CodeOf(err) == errand.CodeJobNotFound {
		return o, nil // its records live 30 days beyond its end
	}
	if err != nil {
		return o, err
	}
	if !st.HeldBy(w.ID, hold.Attempt) || st.Status != errand.Running && (!st.Presumed() || hold.NotBegun) {
		return o, nil // one that is presumed to be lost goes on, and does not begin
	}
	return s.order(ctx, c, st, hold)
}

// hide keeps the ticket of a running job hidden from other workers. An error is only
// logged: a ticket that is delivered again is hidden by assignment.
func (s *Service) hide(ctx context.Context, st errand.StateRecord) bool {
	if st.Handle == "" { // it has no ticket
		return true
	}
	err := s.Queue.Hide(ctx, st.Queue, st.Handle, s.Timing.TicketHold)
	if err != nil {
		s.Log.InfoContext(ctx, "ticket of a running job not hidden", "job", st.JobID, "err", err)
	}
	return err == nil
}

// order is the order for an attempt that goes on, or is to be cancelled.
func (s *Service) order(ctx context.Context, c Caller, st errand.StateRecord, hold errand.Hold) (errand.Order, error) {
	o := errand.Order{
		JobID: hold.JobID, Attempt: hold.Attempt, Order: errand.OrderContinue, LeaseSeconds: seconds(st.Lease),
		Retryable: st.Retryable(), Watched: s.now().Before(st.WatchedUntil),
	}
	if st.CancelRequested {
		o.Order = errand.OrderCancel
	}
	if !hold.RenewWrites {
		return o, nil
	}
	grant, err := s.writeGrant(ctx, c, st)
	o.Write = grant
	return o, err
}
