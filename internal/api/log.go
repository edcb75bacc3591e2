package api

import (
	"math"
	"net/http"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func readLogs(c *request) (response, error) {
	q := c.params
	r := control.LogRequest{
		JobID: q.need("jobId"), Attempt: int(q.number("attempt", 0, math.MaxInt32, 0)), Offset: q.number("offset", 0, math.MaxInt64, 0),
		Chunk: q.number("chunk", 0, math.MaxInt64, 0), Tail: q.number("tail", 0, errand.MaxLogTailRead, 0), Wait: time.Duration(q.number("wait", 0, errand.MaxPollWait, 0)) * time.Second, State: q.text("state"),
		Downloads: q.flag("downloads"),
	}
	if q.err != nil {
		return response{}, q.err
	}
	page, err := c.Logs(c.ctx(), c.caller, r)
	if err != nil {
		return response{}, err
	}
	out := newLogPage(r, &page)
	if page.Done && page.Status.Terminal() {
		out.Job = c.endedJob(r.JobID, page.Job)
	}
	return response{status: http.StatusOK, body: out}, nil
}

// endedJob is what a follower asks for next: known, or read. If it can't be read now, the
// follower does ask.
func (c *request) endedJob(id string, known *errand.Job) *Job {
	if known == nil {
		job, err := c.Job(c.ctx(), c.caller, id)
		if err != nil {
			c.Log.InfoContext(c.ctx(), "ended job not sent with its log", "job", id, "err", err)
			return nil
		}
		known = &job
	}
	j := newJob(known, c.Clock.Now(), c.Timing.Heartbeat)
	return &j
}

func newLogPage(r control.LogRequest, p *control.LogPage) LogPage {
	out := LogPage{
		JobID: r.JobID, Attempt: p.Attempt, Offset: p.Offset, Next: p.Next, Chunk: p.Chunk, PollIntervalMs: p.Interval.Milliseconds(), Done: p.Done, Status: p.Status,
		State: p.State, Attempts: utcAttempts(p.Attempts), Silence: utcSilence(p.Silence),
		Frames: make([]LogFrame, 0, len(p.Frames)),
	}
	for _, f := range p.Frames {
		out.Frames = append(out.Frames, LogFrame{
			Stream: f.Stream.Name(), Offset: f.Offset, ElapsedMs: f.Elapsed.Milliseconds(), Command: f.Command, Data: f.Data,
		})
	}
	for _, d := range p.Downloads {
		out.Downloads = append(out.Downloads, LogDownload{Offset: d.Offset, Size: d.Size, SignedRequest: d.SignedRequest})
	}
	if p.Sealed != nil {
		out.Bytes, out.SHA256 = &p.Sealed.Bytes, p.Sealed.SHA256
	}
	return out
}
