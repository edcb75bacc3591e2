package api

import (
	"net/http"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func syncWorker(c *request) (response, error) {
	var in Sync
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	if err := c.ownWorker(in.WorkerID); err != nil {
		return response{}, err
	}
	r := control.SyncRequest{
		WorkerID: in.WorkerID, Epoch: in.Epoch, PollID: in.PollID, Count: in.Count,
		Wait: time.Duration(c.params.number("wait", 0, errand.MaxPollWait, 0)) * time.Second,
	}
	if c.params.err != nil {
		return response{}, c.params.err
	}
	for _, p := range in.Reports {
		r.Reports = append(r.Reports, control.AttemptReport{
			AttemptID: errand.AttemptID{JobID: p.JobID, Attempt: p.Attempt}, Result: p.Result, Failure: p.Failure,
		})
	}
	answer, err := c.Sync(c.ctx(), c.caller, r)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: newSynced(&answer)}, nil
}

func newSynced(a *control.SyncAnswer) Synced {
	out := Synced{Reports: make([]ReportAnswer, 0, len(a.Reports)), Attempts: orEmpty(a.Attempts), WaitedMs: a.Waited.Milliseconds(), Problem: newSyncProblem(a.Err)}
	for _, r := range a.Reports {
		out.Reports = append(out.Reports, ReportAnswer{JobID: r.JobID, Attempt: r.Attempt, Status: r.Status, Problem: newSyncProblem(r.Err)})
	}
	return out
}

func newSyncProblem(err error) *SyncProblem {
	if err == nil {
		return nil
	}
	e := problemOf(err)
	return &SyncProblem{Code: e.Code, Detail: e.Message}
}
