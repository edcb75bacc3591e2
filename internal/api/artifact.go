package api

import (
	"math"
	"net/http"
	"strconv"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func listArtifacts(c *request) (response, error) {
	q := c.params
	r := control.ArtifactsRequest{
		JobID: q.need("jobId"), Attempt: int(q.number("attempt", 0, math.MaxInt32, 0)), Path: q.text("path"),
		Limit: int(q.number("limit", 1, errand.MaxPage, 0)), Offset: int(q.number("cursor", 0, errand.MaxArtifacts, 0)),
	}
	if q.err != nil {
		return response{}, q.err
	}
	page, err := c.Artifacts(c.ctx(), c.caller, r)
	if err != nil {
		return response{}, err
	}
	out := ArtifactPage{JobID: r.JobID, Attempt: page.Attempt, Status: page.Status, Total: page.Sums, Files: make([]ArtifactDownload, len(page.Files))}
	for i, f := range page.Files {
		f.ModifiedAt = f.ModifiedAt.UTC()
		out.Files[i] = ArtifactDownload{f.ArtifactFile, f.Download}
	}
	if page.Next > 0 {
		out.Next = strconv.Itoa(page.Next)
	}
	return response{status: http.StatusOK, body: out}, nil
}

func signArtifacts(c *request) (response, error) {
	var in SignArtifacts
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	report := control.Report{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: in.JobID, Attempt: in.Attempt}
	grants, err := c.SignArtifacts(c.ctx(), c.caller, report, in.Uploads)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: SignedArtifacts{orEmpty(grants)}}, nil
}

func jobSource(c *request) (response, error) {
	id := c.params.need("jobId")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	grant, err := c.Source(c.ctx(), c.caller, id)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: JobSource{JobID: id, Source: grant}}, nil
}

func askCache(c *request) (response, error) {
	var in AskCache
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	report := control.Report{WorkerID: in.WorkerID, Epoch: in.Epoch, JobID: in.JobID, Attempt: in.Attempt}
	answer, err := c.Cache(c.ctx(), c.caller, report, in.CacheQuestion)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: answer}, nil
}
