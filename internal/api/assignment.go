package api

import (
	"math"
	"net/http"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func getJob(c *request) (response, error) {
	q := c.params
	r := control.TakeRequest{
		WorkerID: q.need("workerId"), Epoch: int(q.number("epoch", 1, math.MaxInt32, 0)), PollID: q.need("pollId"),
		Wait: time.Duration(q.number("wait", 0, errand.MaxPollWait, 0)) * time.Second,
	}
	if q.err != nil {
		return response{}, q.err
	}
	if err := c.ownWorker(r.WorkerID); err != nil {
		return response{}, err
	}
	a, err := c.TakeJob(c.ctx(), c.caller, r)
	if err != nil {
		return response{}, err
	}
	if a == nil {
		return response{status: http.StatusNoContent}, nil
	}
	return response{status: http.StatusOK, body: a}, nil
}

func submitResult(c *request) (response, error) {
	var in SubmitResult
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	r := control.Report{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: in.JobID, Attempt: in.Attempt}
	return c.submitted(r, func() (errand.Status, error) { return c.SubmitResult(c.ctx(), c.caller, r, in.Result) })
}

func submitFailure(c *request) (response, error) {
	var in SubmitFailure
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	r := control.Report{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: in.JobID, Attempt: in.Attempt}
	return c.submitted(r, func() (errand.Status, error) { return c.SubmitFailure(c.ctx(), c.caller, r, in.Failure) })
}

// submitted makes a report if the worker is the caller.
func (c *request) submitted(r control.Report, submit func() (errand.Status, error)) (response, error) {
	if err := c.ownWorker(r.WorkerID); err != nil {
		return response{}, err
	}
	status, err := submit()
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: Submitted{JobID: r.JobID, Status: status}}, nil
}
