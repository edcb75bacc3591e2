package api

import (
	"net/http"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// defaultPage is how long a list of workers or schedules is that says no limit.
const defaultPage = 50

// newWorker shows a worker as it stands at now.
func newWorker(w *errand.Worker, queues []string, now time.Time) Worker {
	out := Worker{
		ID: w.ID, Name: w.Name, Status: w.Status(), Online: w.Online(now), Queues: orEmpty(queues), Slots: w.Slots,
		Jobs: make([]string, 0, len(w.Holds)), OS: w.OS, Arch: w.Arch, Version: w.Version, Features: w.Features, Labels: w.AllLabels(), DiskFree: w.DiskFree, Paused: w.Paused,
		RegisteredAt: w.RegisteredAt.UTC(), LastSeen: w.LastSeen.UTC(),
	}
	for _, h := range w.Holds {
		out.Jobs = append(out.Jobs, h.JobID)
	}
	return out
}

func register(c *request) (response, error) {
	var in errand.Registration
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	out, err := c.Register(c.ctx(), c.caller, in)
	if err != nil {
		return response{}, err
	}
	out.Queues = orEmpty(out.Queues)
	return response{status: http.StatusOK, body: out}, nil
}

func heartbeat(c *request) (response, error) {
	var in errand.Heartbeat
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	if err := c.ownWorker(in.WorkerID); err != nil {
		return response{}, err
	}
	wait := time.Duration(c.params.number("wait", 0, errand.MaxPollWait, 0)) * time.Second
	if c.params.err != nil {
		return response{}, c.params.err
	}
	out, err := c.HeldHeartbeat(c.ctx(), c.caller, in, wait)
	if err != nil {
		return response{}, err
	}
	out.Orders = orEmpty(out.Orders)
	return response{status: http.StatusOK, body: out}, nil
}

// manageWorker is the action of an admin's route.
func manageWorker(do control.WorkerAction) action {
	return func(c *request) (response, error) {
		var in NamedWorker
		if err := c.decode(&in); err != nil {
			return response{}, err
		}
		w, err := c.ChangeWorker(c.ctx(), in.Worker, do)
		if err != nil {
			return response{}, err
		}
		return c.showWorker(w)
	}
}

func (c *request) showWorker(w *errand.Worker) (response, error) {
	queues, err := c.QueuesSeen(c.ctx(), c.caller, w)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: newWorker(w, queues, c.Clock.Now())}, nil
}

func listWorkers(c *request) (response, error) {
	limit, cursor := int(c.params.number("limit", 1, errand.MaxPage, defaultPage)), c.params.text("cursor")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	page, next, err := c.Workers(c.ctx(), c.caller, cursor, limit)
	if err != nil {
		return response{}, err
	}
	out, now := WorkerList{Workers: make([]Worker, 0, len(page)), Next: next}, c.Clock.Now()
	for i := range page {
		queues, err := c.QueuesSeen(c.ctx(), c.caller, &page[i])
		if err != nil {
			return response{}, err
		}
		out.Workers = append(out.Workers, newWorker(&page[i], queues, now))
	}
	return response{status: http.StatusOK, body: out}, nil
}
