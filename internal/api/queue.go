package api

import (
	"net/http"
	"time"

	"github.com/errandhq/errand"
)

// Queue is a queue as the API shows it.
type Queue struct {
	Name      string     `json:"name"`
	Deployed  bool       `json:"deployed"` // it is part of the deployment, and can't be deleted
	Paused    bool       `json:"paused"`
	Deleting  bool       `json:"deleting,omitempty"` // its deletion was not finished: repeat it
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	// Figures are in lists alone.
	Figures *QueueFigures `json:"figures,omitempty"`
}

// QueueFigures say how busy a queue is.
type QueueFigures struct {
	Pending         int        `json:"pending"`
	More            bool       `json:"more,omitempty"` // there are more pending jobs than Pending
	Running         int        `json:"running"`
	OldestPendingAt *time.Time `json:"oldestPendingAt,omitempty"` // since when it is in the queue
	Workers         int        `json:"workers"`                   // online, not draining, and take jobs of the queue
	Slots           int        `json:"slots"`                     // of those
	FreeSlots       int        `json:"freeSlots"`
}

// QueueList is the answer of GET /api/queues: the deployment's first, then by name.
type QueueList struct {
	Queues []Queue `json:"queues"`
}

// NamedQueue is the body of POST /api/queues, …/pause and …/resume. They answer a Queue.
type NamedQueue struct {
	Name string `json:"name"`
}

// QueueRemoval is the answer of DELETE /api/queues.
type QueueRemoval struct {
	Name      string `json:"name"`
	Cancelled int    `json:"cancelled"` // jobs, by this request
	Done      bool   `json:"done"`      // the queue is deleted; else repeat the request
}

func newQueue(q errand.Queue) Queue {
	return Queue{Name: q.Name, Deployed: q.Deployed, Paused: q.Paused, Deleting: q.Deleting, CreatedAt: timeOrNil(q.CreatedAt)}
}

func createQueue(c *request) (response, error) {
	var in NamedQueue
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	q, made, err := c.CreateQueue(c.ctx(), in.Name)
	if err != nil {
		return response{}, err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	return response{status: status, body: newQueue(q)}, nil
}

func listQueues(c *request) (response, error) {
	all, err := c.ListQueues(c.ctx(), c.caller)
	if err != nil {
		return response{}, err
	}
	figures, err := c.QueueFigures(c.ctx(), all)
	if err != nil {
		return response{}, err
	}
	out := QueueList{Queues: make([]Queue, len(all))}
	for i, q := range all {
		f := &figures[i]
		out.Queues[i] = newQueue(q)
		out.Queues[i].Figures = &QueueFigures{
			Pending: f.Pending, More: f.More, Running: f.Running, OldestPendingAt: timeOrNil(f.Oldest),
			Workers: f.Workers, Slots: f.Slots, FreeSlots: f.Free,
		}
	}
	return response{status: http.StatusOK, body: out}, nil
}

func deleteQueue(c *request) (response, error) {
	name, cancelJobs := c.params.need("name"), c.params.flag("cancelJobs")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	r, err := c.DeleteQueue(c.ctx(), c.caller, name, cancelJobs)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: QueueRemoval{name, r.Cancelled, r.Done}}, nil
}

func pauseQueue(c *request) (response, error)  { return setPaused(c, true) }
func resumeQueue(c *request) (response, error) { return setPaused(c, false) }

func setPaused(c *request, paused bool) (response, error) {
	var in NamedQueue
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	q, err := c.PauseQueue(c.ctx(), in.Name, paused)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: newQueue(q)}, nil
}
