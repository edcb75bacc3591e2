package agent

import (
	"context"
	"sync"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

const (
	// maxSyncReports and maxSyncBytes bound the reports of one sync. The latter is for
	// results as JSON, of at most errand.MaxResultBytes each.
	maxSyncReports = errand.MaxReports
	maxSyncBytes   = api.MaxBodyBytes / 2
)

// A pendingReport waits to be sent.
type pendingReport struct {
	api.AttemptReport
	size   int
	slot   *slot      // that is free once the report is taken; nil: none
	answer chan error // has one value, when the server has answered
}

// outbox holds the reports until they are sent: with the next question for work, or by
// themselves while the asker is away.
type outbox struct {
	mu      sync.Mutex
	pending []*pendingReport
	away    bool          // the asker waits for something else
	asker   chan struct{} // has a value when there is something for it
	sender  chan struct{} // the same, for who sends reports by themselves
}

func newOutbox() outbox {
	return outbox{asker: make(chan struct{}, 1), sender: make(chan struct{}, 1)}
}

// submit sends a report and waits for the answer. When it returns, the report's slot is
// free if the server has taken the report, and else still the caller's. Errors: the
// server's; the cause of ctx's end.
func (o *outbox) submit(ctx context.Context, r *pendingReport) error {
	o.add(r)
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
	}
	if o.remove(r) {
		return context.Cause(ctx)
	}
	return <-r.answer // it is being sent
}

func (o *outbox) add(r *pendingReport) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = append(o.pending, r)
	o.wake()
}

func (o *outbox) wake() {
	to := o.asker
	if o.away {
		to = o.sender
	}
	select {
	case to <- struct{}{}:
	default:
	}
}

func (o *outbox) remove(r *pendingReport) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, p := range o.pending {
		if p == r {
			o.pending = append(o.pending[:i:i], o.pending[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the reports that fit into one sync.
func (o *outbox) take() []*pendingReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < min(len(o.pending), maxSyncReports) {
		if size += o.pending[n].size; n > 0 && size > maxSyncBytes {
			break
		}
		n++
	}
	taken := o.pending[:n:n]
	o.pending = o.pending[n:]
	if len(o.pending) > 0 {
		o.wake()
	}
	return taken
}

// setAway notes whether the asker takes the reports.
func (o *outbox) setAway(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = away
	if len(o.pending) > 0 {
		o.wake()
	}
}

func bodies(reports []*pendingReport) []api.AttemptReport {
	all := make([]api.AttemptReport, len(reports))
	for i, r := range reports {
		all[i] = r.AttemptReport
	}
	return all
}

// fail answers the reports with an error.
func fail(reports []*pendingReport, err error) {
	for _, r := range reports {
		r.answer <- err
	}
}

// settle answers the reports as the server did, and frees their slots.
func (a *Agent) settle(reports []*pendingReport, answers []api.ReportAnswer) {
	for i, r := range reports {
		var err error
		if i < len(answers) {
			err = answers[i].Problem.Err()
		}
		if r.slot != nil {
			a.free(r.slot)
			r.slot = nil
		}
		r.answer <- err
	}
}

// sendReports sends the reports by themselves while the asker is away, until ctx ends.
func (a *Agent) sendReports(ctx context.Context) {
	for {
		select {
		case <-a.outbox.sender:
		case <-ctx.Done():
			return
		}
		reports := a.outbox.take()
		if len(reports) == 0 {
			continue
		}
		var answer api.Synced
		err := a.registration.call(ctx, 0, func(ctx context.Context, epoch int) (err error) {
			answer, err = a.registration.client.Sync(ctx, api.Sync{WorkerID: a.registration.id.WorkerID, Epoch: epoch, Reports: bodies(reports)}, 0)
			return err
		})
		if err != nil {
			fail(reports, err)
			continue
		}
		a.settle(reports, answer.Reports)
	}
}
