package control

import (
	"context"
	"fmt"
	"time"

	"github.com/errandhq/errand"
)

// Heartbeat records that a worker is alive, accepts the attempts that it names,
// renews their leases, and returns an order for each.
// Errors: CodeWorkerNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) Heartbeat(ctx context.Context, c Caller, h errand.Heartbeat) (errand.HeartbeatAnswer, error) {
	w, err := s.workerOf(ctx, c, h.WorkerID, h.Epoch)
	if err != nil {
		return errand.HeartbeatAnswer{}, err
	}
	if len(h.Holds) > errand.MaxHolds {
		return errand.HeartbeatAnswer{}, errand.InvalidField("holds", "holds has %d entries; the limit is %d", len(h.Holds), errand.MaxHolds)
	}
	interval := s.interval(w, len(h.Holds))
	out := errand.HeartbeatAnswer{Bell: s.bell(w), Orders: make([]errand.Order, 0, len(h.Holds))}
	for i, hold := range h.Holds {
		o, err := s.renew(ctx, c, w, hold)
		if err != nil {
			return errand.HeartbeatAnswer{}, fmt.Errorf("holds[%d]: %w", i, err)
		}
		out.Orders = append(out.Orders, o)
		if o.Watched { // someone sits before it, and may press Ctrl-C
			interval = min(interval, s.Timing.WatchedHeartbeat)
		}
	}
	out.IntervalMs = interval.Milliseconds()
	err = s.changeWorker(ctx, w, h.Epoch, func(w *errand.Worker) { w.Beat(h, s.now(), interval) })
	return out, err
}

// renew renews the lease of one attempt, if it is still the worker's.
func (s *Service) renew(ctx context.Context, c Caller, w *errand.Worker, hold errand.Hold) (errand.Order, error) {
	o := errand.Order{JobID: hold.JobID, Attempt: hold.Attempt, Order: errand.OrderAbandon}
	hidden := false
	st, err := s.change(ctx, hold.JobID, func(st *errand.State, now time.Time) (bool, error) {
		if !st.Renew(now, w.ID, hold.Attempt) {
			return false, nil
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
	if !st.HeldBy(w.ID, hold.Attempt) || st.Status != errand.Running && !st.Presumed() {
		return o, nil
	}
	return s.order(ctx, c, st, hold)
}

// hide keeps the ticket of a running job hidden from other workers. An error is only
// logged: a ticket that is delivered again is hidden by assignment.
func (s *Service) hide(ctx context.Context, st errand.StateRecord) bool {
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
