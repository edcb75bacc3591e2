package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// maxAnswerBytes bounds what the client reads of an answer.
const maxAnswerBytes = 16 << 20

// Client calls the API. It tries each call once: what may be tried again, and
// for how long, is its caller's to know (see Temporary).
type Client struct {
	BaseURL   string       // scheme://host, without a path
	Token     string       // bearer token
	HTTP      *http.Client // nil: http.DefaultClient
	UserAgent string       // empty: Go's
	// TraceParent returns the traceparent header of a request. Nil: none is sent.
	TraceParent func(context.Context) string
}

// WithToken returns a client like c that uses another token.
func (c *Client) WithToken(token string) *Client {
	d := *c
	d.Token = token
	return &d
}

// ResponseError is an error answer.
type ResponseError struct {
	Status     int
	Problem    Problem       // zero but for Detail where the answer wasn't problem+json
	RetryAfter time.Duration // 0: the server didn't say
}

func (e *ResponseError) Error() string {
	msg := e.Problem.Detail
	if msg == "" {
		msg = http.StatusText(e.Status)
	}
	if e.Problem.Code != "" {
		msg += " (" + string(e.Problem.Code) + ")"
	}
	if e.Problem.RequestID != "" {
		msg += " [request " + e.Problem.RequestID + "]"
	}
	return msg
}

// CodeOf is the problem code in err's chain; empty if the server gave none.
func CodeOf(err error) errand.Code {
	var e *ResponseError
	if errors.As(err, &e) {
		return e.Problem.Code
	}
	return ""
}

// Temporary reports whether the same call may succeed later: the server wasn't
// reached, was overloaded or failed. after is how long it asked us to wait.
func Temporary(err error) (after time.Duration, ok bool) {
	if err == nil || errors.Is(err, context.Canceled) {
		return 0, false
	}
	var e *ResponseError
	if !errors.As(err, &e) {
		return 0, true
	}
	ok = e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500 && e.Status != http.StatusNotImplemented
	return e.RetryAfter, ok || e.Problem.Code == errand.CodeConflict
}

// Register registers a worker; the client's token is an agent's.
func (c *Client) Register(ctx context.Context, r errand.Registration) (out errand.Registered, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/workers/register", nil, r, &out)
	return out, err
}

// Workers lists a page of workers.
func (c *Client) Workers(ctx context.Context, cursor string) (out WorkerList, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/workers", query("cursor", cursor), nil, &out)
	return out, err
}

// Heartbeat sends a sign of life; the client's token is the worker's own.
func (c *Client) Heartbeat(ctx context.Context, h errand.Heartbeat) (out errand.HeartbeatAnswer, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/workers/heartbeat", nil, h, &out)
	return out, err
}

// HeldHeartbeat is a Heartbeat whose answer may be held up to wait, in whole seconds,
// until there is an order that the worker should know at once.
func (c *Client) HeldHeartbeat(ctx context.Context, h errand.Heartbeat, wait time.Duration) (out errand.HeartbeatAnswer, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/workers/heartbeat", query("wait", strconv.Itoa(int(wait.Seconds()))), h, &out)
	return out, err
}

// GetJob asks for work, and waits for some up to wait, in whole seconds.
// It returns nil if there is none. To ask again after a lost answer, give the same pollID.
func (c *Client) GetJob(ctx context.Context, workerID string, epoch int, pollID string, wait time.Duration) (*errand.Assignment, error) {
	q := query("workerId", workerID, "epoch", strconv.Itoa(epoch), "pollId", pollID, "wait", strconv.Itoa(int(wait.Seconds())))
	var out errand.Assignment
	status, err := c.do(ctx, http.MethodGet, "/api/jobs/get-job", q, nil, &out)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	return &out, nil
}

// SubmitResult reports an attempt that ran to its end.
func (c *Client) SubmitResult(ctx context.Context, r SubmitResult) (out Submitted, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/jobs/submit-result", nil, r, &out)
	return out, err
}

// SubmitFailure reports an attempt that couldn't be run to its end.
func (c *Client) SubmitFailure(ctx context.Context, r SubmitFailure) (out Submitted, err error) {
	_, err = c.do(ctx, http.MethodPut, "/api/jobs/submit-result", nil, r, &out)
	return out, err
}

// SignArtifacts asks how to send contents of an attempt; the client's token is the
// worker's own.
func (c *Client) SignArtifacts(ctx context.Context, r SignArtifacts) (out SignedArtifacts, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/jobs/artifacts", nil, r, &out)
	return out, err
}

// AskCache asks about a cache of an attempt; the client's token is the worker's own.
func (c *Client) AskCache(ctx context.Context, r AskCache) (out errand.CacheAnswer, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/jobs/caches", nil, r, &out)
	return out, err
}

// Artifacts lists a page of what an attempt gave back; with attempt 0, the latest.
// pattern and cursor may be empty.
func (c *Client) Artifacts(ctx context.Context, id string, attempt int, pattern, cursor string) (out ArtifactPage, err error) {
	q := query("jobId", id, "path", pattern, "cursor", cursor, "limit", strconv.Itoa(errand.MaxPage))
	if attempt > 0 {
		q.Set("attempt", strconv.Itoa(attempt))
	}
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/artifacts", q, nil, &out)
	return out, err
}

// Source says where the folder is that a job was sent.
func (c *Client) Source(ctx context.Context, id string) (out JobSource, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/source", query("jobId", id), nil, &out)
	return out, err
}

// Sync reports attempts that have ended and asks for the next, and waits for some up to
// wait, in whole seconds. It may be repeated, with the same poll ID.
func (c *Client) Sync(ctx context.Context, r Sync, wait time.Duration) (out Synced, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/workers/sync", query("wait", strconv.Itoa(int(wait.Seconds()))), r, &out)
	return out, err
}

// Err returns the problem as the error that a request of its own would have had; nil if
// there is none.
func (p *SyncProblem) Err() error {
	if p == nil {
		return nil
	}
	return &ResponseError{Status: p.Code.Status(), Problem: Problem{Status: p.Code.Status(), Code: p.Code, Detail: p.Detail}}
}

// CreateJob creates a job. The same key with the same body gives the same job.
func (c *Client) CreateJob(ctx context.Context, j CreateJob, idempotencyKey string) (out Job, err error) {
	err = c.doKey(ctx, http.MethodPost, "/api/jobs/create", idempotencyKey, j, &out)
	return out, err
}

// Jobs lists a page of jobs, newest first. status and cursor may be empty, limit 0.
func (c *Client) Jobs(ctx context.Context, status errand.Status, queue string, limit int, cursor string) (out JobList, err error) {
	return c.listJobs(ctx, query("status", string(status), "queue", queue, "cursor", cursor), limit)
}

func (c *Client) listJobs(ctx context.Context, q url.Values, limit int) (out JobList, err error) {
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	_, err = c.do(ctx, http.MethodGet, "/api/jobs", q, nil, &out)
	return out, err
}

// Job returns a job with its result.
func (c *Client) Job(ctx context.Context, id string) (out Job, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/status", query("jobId", id), nil, &out)
	return out, err
}

// Explain says why a job waits, or what became of it.
func (c *Client) Explain(ctx context.Context, id string) (errand.Explanation, error) {
	return c.AwaitExplanation(ctx, id, 0, "")
}

// AwaitExplanation is Explain, but the server may hold the answer for up to wait, in whole
// seconds, until its State is another than state.
func (c *Client) AwaitExplanation(ctx context.Context, id string, wait time.Duration, state string) (out errand.Explanation, err error) {
	q := query("jobId", id, "wait", strconv.Itoa(int(wait.Seconds())), "state", state)
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/explain", q, nil, &out)
	return out, err
}

// Cancel asks for a job's end.
func (c *Client) Cancel(ctx context.Context, id string) (out Job, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/jobs/cancel", nil, CancelJob{JobID: id}, &out)
	return out, err
}

// Logs returns the log from offset on, and marks the job as watched. The server
// may hold the answer for up to wait until there is more than nothing.
func (c *Client) Logs(ctx context.Context, id string, attempt int, offset int64, wait time.Duration) (LogPage, error) {
	return c.FollowLogs(ctx, LogPosition{JobID: id, Attempt: attempt, Offset: offset}, wait, "")
}

// A LogPosition is where a page of a log begins.
type LogPosition struct {
	JobID   string
	Attempt int   // 0: the current one
	Offset  int64 // LogPage.Next of the page before
	Chunk   int64 // its LogPage.Chunk; 0: not known
}

// FollowLogs is Logs, but the server also answers as soon as the job's state is another
// than the one of the page before.
func (c *Client) FollowLogs(ctx context.Context, at LogPosition, wait time.Duration, state string) (out LogPage, err error) {
	q := at.query("wait", strconv.Itoa(int(wait.Seconds())), "state", state)
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/logs", q, nil, &out)
	return out, err
}

// LogDownloads is Logs with LogPage.Downloads instead of frames, if the attempt was
// reported and some of its log from the position on is stored in chunks.
func (c *Client) LogDownloads(ctx context.Context, at LogPosition) (out LogPage, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/jobs/logs", at.query("downloads", "true"), nil, &out)
	return out, err
}

func (at *LogPosition) query(pairs ...string) url.Values {
	q := query(append(pairs, "jobId", at.JobID, "offset", strconv.FormatInt(at.Offset, 10))...)
	if at.Attempt > 0 {
		q.Set("attempt", strconv.Itoa(at.Attempt))
	}
	if at.Chunk > 0 {
		q.Set("chunk", strconv.FormatInt(at.Chunk, 10))
	}
	return q
}

// Queues lists the queues.
func (c *Client) Queues(ctx context.Context) (out QueueList, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/queues", nil, nil, &out)
	return out, err
}

// CreateQueue makes a queue, if there is none of that name; the client's token is an
// admin's. made says that there was none.
func (c *Client) CreateQueue(ctx context.Context, name string) (out Queue, made bool, err error) {
	status, err := c.do(ctx, http.MethodPost, "/api/queues", nil, NamedQueue{name}, &out)
	return out, status == http.StatusCreated, err
}

// DeleteQueue deletes a queue, and cancels its jobs if cancelJobs. It must be repeated
// until Done.
func (c *Client) DeleteQueue(ctx context.Context, name string, cancelJobs bool) (out QueueRemoval, err error) {
	q := query("name", name)
	if cancelJobs {
		q.Set("cancelJobs", "true")
	}
	_, err = c.do(ctx, http.MethodDelete, "/api/queues", q, nil, &out)
	return out, err
}

// PauseQueue pauses a queue, or resumes it.
func (c *Client) PauseQueue(ctx context.Context, name string, paused bool) (out Queue, err error) {
	path := "/api/queues/resume"
	if paused {
		path = "/api/queues/pause"
	}
	_, err = c.do(ctx, http.MethodPost, path, nil, NamedQueue{name}, &out)
	return out, err
}

// CreateSchedule creates a schedule. made says that there was none like it.
func (c *Client) CreateSchedule(ctx context.Context, s CreateSchedule) (out Schedule, made bool, err error) {
	status, err := c.do(ctx, http.MethodPost, "/api/schedules", nil, s, &out)
	return out, status == http.StatusCreated, err
}

// Schedules lists a page of schedules.
func (c *Client) Schedules(ctx context.Context, cursor string) (out ScheduleList, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/schedules", query("cursor", cursor), nil, &out)
	return out, err
}

// Schedule returns a schedule.
func (c *Client) Schedule(ctx context.Context, name string) (out Schedule, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/schedules/status", query("name", name), nil, &out)
	return out, err
}

// DeleteSchedule deletes a schedule.
func (c *Client) DeleteSchedule(ctx context.Context, name string) error {
	_, err := c.do(ctx, http.MethodDelete, "/api/schedules", query("name", name), nil, nil)
	return err
}

// PauseSchedule pauses a schedule, or resumes it.
func (c *Client) PauseSchedule(ctx context.Context, name string, paused bool) (out Schedule, err error) {
	path := "/api/schedules/resume"
	if paused {
		path = "/api/schedules/pause"
	}
	_, err = c.do(ctx, http.MethodPost, path, nil, NamedSchedule{name}, &out)
	return out, err
}

// RunSchedule creates a job of a schedule now; one for each key.
func (c *Client) RunSchedule(ctx context.Context, name, idempotencyKey string) (out Job, err error) {
	err = c.doKey(ctx, http.MethodPost, "/api/schedules/run", idempotencyKey, NamedSchedule{name}, &out)
	return out, err
}

// ScheduleJobs is Jobs for the jobs of a schedule.
func (c *Client) ScheduleJobs(ctx context.Context, name string, status errand.Status, queue string, limit int, cursor string) (JobList, error) {
	return c.listJobs(ctx, query("schedule", name, "status", string(status), "queue", queue, "cursor", cursor), limit)
}

// ManageWorker pauses, resumes, drains or forgets a worker: do is the last element of
// the route's path.
func (c *Client) ManageWorker(ctx context.Context, do, worker string) (out Worker, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/workers/"+do, nil, NamedWorker{worker}, &out)
	return out, err
}

// CreateUpload asks where to send an archive.
func (c *Client) CreateUpload(ctx context.Context, u errand.UploadRequest) (out errand.Upload, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/uploads", nil, u, &out)
	return out, err
}

// CreateUploads asks where to send archives, and which of them are there already.
func (c *Client) CreateUploads(ctx context.Context, b errand.UploadBatch) (out errand.Uploads, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/uploads/batch", nil, b, &out)
	return out, err
}

// Execute runs commands in direct mode.
func (c *Client) Execute(ctx context.Context, e Execute) (out Executed, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/execute", nil, e, &out)
	return out, err
}

// query builds a query of names and values, leaving out empty values.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// ServerVersion returns the server's version, like 0.2.0; empty if the server is too old
// to tell. The client's token is a user's or an admin's.
func (c *Client) ServerVersion(ctx context.Context) (string, error) {
	req, err := c.request(ctx, http.MethodGet, "/api/jobs?limit=1", nil)
	if err != nil {
		return "", err
	}
	var seen http.Header
	_, err = c.exchange(req, nil, &seen)
	return seen.Get(versionHeader), err
}

// NewSessionCode asks for a code that signs in a browser.
func (c *Client) NewSessionCode(ctx context.Context) (out SessionCode, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/session/code", nil, nil, &out)
	return out, err
}

// StartSession exchanges a code for a session; the client needs no token.
func (c *Client) StartSession(ctx context.Context, code string) (out Session, err error) {
	_, err = c.do(ctx, http.MethodPost, "/api/session", nil, StartSession{Code: code}, &out)
	return out, err
}

// Session says what the client's token is.
func (c *Client) Session(ctx context.Context) (out Session, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/session", nil, nil, &out)
	return out, err
}

// EndSession revokes the client's token, which is a session's.
func (c *Client) EndSession(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodDelete, "/api/session", nil, nil, nil)
	return err
}

// Tokens lists the owner's tokens and sessions.
func (c *Client) Tokens(ctx context.Context) (out TokenList, err error) {
	_, err = c.do(ctx, http.MethodGet, "/api/tokens", nil, nil, &out)
	return out, err
}

// RevokeSession ends a session by its ID.
func (c *Client) RevokeSession(ctx context.Context, id string) error {
	_, err := c.do(ctx, http.MethodDelete, "/api/tokens", query("id", id), nil, nil)
	return err
}

func (c *Client) do(ctx context.Context, method, path string, q url.Values, in, out any) (status int, err error) {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return 0, err
	}
	req.URL.RawQuery = q.Encode()
	return c.send(req, out)
}

func (c *Client) doKey(ctx context.Context, method, path, key string, in, out any) error {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	_, err = c.send(req, out)
	return err
}

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the body of %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.BaseURL, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if c.TraceParent != nil {
		if parent := c.TraceParent(ctx); parent != "" {
			req.Header.Set("Traceparent", parent)
		}
	}
	return req, nil
}

func (c *Client) send(req *http.Request, out any) (status int, err error) {
	return c.exchange(req, out, new(http.Header))
}

// exchange sends the request, and stores the answer's body in out and its header in header.
func (c *Client) exchange(req *http.Request, out any, header *http.Header) (status int, err error) {
	hc := c.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(req)
	if err != nil {
		return 0, err // a *url.Error: it names method and URL
	}
	defer resp.Body.Close()
	*header = resp.Header
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return resp.StatusCode, fmt.Errorf("%s %s: read the answer: %w", req.Method, req.URL.Path, err)
	}
	if resp.StatusCode >= 300 {
		return resp.StatusCode, responseError(resp, body)
	}
	if resp.StatusCode == http.StatusNoContent || out == nil {
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return resp.StatusCode, fmt.Errorf("%s %s: the answer is not what was expected: %w", req.Method, req.URL.Path, err)
	}
	return resp.StatusCode, nil
}

func responseError(resp *http.Response, body []byte) error {
	e := &ResponseError{Status: resp.StatusCode}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	if json.Unmarshal(body, &e.Problem) != nil || e.Problem.Code == "" {
		e.Problem = Problem{Detail: fmt.Sprintf("%s: %s", resp.Status, bytes.TrimSpace(body[:min(len(body), 200)]))}
	}
	return e
}
