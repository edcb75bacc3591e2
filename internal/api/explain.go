package api

import (
	"net/http"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func explainJob(c *request) (response, error) {
	r := control.ExplainRequest{
		JobID: c.params.need("jobId"), Wait: time.Duration(c.params.number("wait", 0, errand.MaxPollWait, 0)) * time.Second,
		State: c.params.text("state"),
	}
	if c.params.err != nil {
		return response{}, c.params.err
	}
	e, err := c.Explain(c.ctx(), c.caller, r)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: e}, nil
}
