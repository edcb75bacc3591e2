package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/apistack"
)

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sendSigned sends a signed request and returns the answer's body.
func sendSigned(t *testing.T, r errand.SignedRequest, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequest(r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) []byte {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s → %d %s, %v", req.Method, req.URL, resp.StatusCode, b, err)
	}
	return b
}

// sendChunk sends a log chunk by the write grant.
func sendChunk(t *testing.T, g errand.WriteGrant, offset string, frames []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range g.Fields {
		_ = form.WriteField(name, value)
	}
	_ = form.WriteField("key", g.LogPrefix+offset)
	file, _ := form.CreateFormFile("file", "chunk")
	_, _ = file.Write(frames)
	_ = form.Close()
	req, err := http.NewRequest(http.MethodPost, g.URL, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	do(t, req)
}

// create makes a job by the user's client.
func create(t *testing.T, s *apistack.Stack, j api.CreateJob) api.Job {
	t.Helper()
	job, err := s.Client(s.User).CreateJob(t.Context(), j, "")
	if err != nil {
		t.Fatal(err)
	}
	return job
}

var hello = api.CreateJob{Name: "hello", Commands: []errand.Command{{Shell: "echo hello"}, {Argv: []string{"true", ""}}}}

// take asks for work, of which there must be some.
func take(t *testing.T, w *apistack.Worker, pollID string) *errand.Assignment {
	t.Helper()
	a, err := w.Client.GetJob(t.Context(), w.WorkerID, w.Epoch, pollID, 0)
	if err != nil || a == nil {
		t.Fatalf("no work: %v, %v", a, err)
	}
	return a
}

// TestWholeWay: an archive goes up, a job is made of it, a worker runs it, its
// log is read as it grows, its result comes back.
func TestWholeWay(t *testing.T) {
	s := apistack.New(t)
	ctx, user := t.Context(), s.Client(s.User)

	zip := []byte("PK, as it were")
	want := errand.UploadRequest{Filename: "a b.zip", Size: int64(len(zip)), SHA256: hexSum(zip)}
	up, err := user.CreateUpload(ctx, want)
	if err != nil || up.Exists {
		t.Fatalf("%+v, %v", up, err)
	}
	sendSigned(t, *up.Put, zip)
	if up, err = user.CreateUpload(ctx, want); err != nil || !up.Exists {
		t.Fatalf("sent, and yet %+v, %v", up, err)
	}

	spec := hello
	spec.Source = &errand.Source{SHA256: want.SHA256, Filename: want.Filename}
	spec.Env, spec.Group, spec.MaxAttempts = map[string]string{"A": "é"}, "deploy", 2
	job := create(t, s, spec)
	if job.Status != errand.Pending || job.Source.Size != want.Size || job.Attempt != 0 || job.StartedAt != nil {
		t.Fatalf("created as %+v", job)
	}

	w := s.Worker(t)
	a := take(t, w, "poll-1")
	if a.JobID != job.ID || a.Attempt != 1 || !a.Retryable || a.Group != "deploy" {
		t.Fatalf("assigned as %+v", a)
	}
	if diff := cmp.Diff(spec.Commands, a.Commands); diff != "" {
		t.Error(diff)
	}
	if got := sendSigned(t, a.Source.Download, nil); !bytes.Equal(got, zip) {
		t.Errorf("the source is %q", got)
	}
	if again := take(t, w, "poll-1"); again.JobID != a.JobID || again.Attempt != 1 {
		t.Errorf("a repeated poll gave %+v", again)
	}
	if none, err := w.Client.GetJob(ctx, w.WorkerID, w.Epoch, "poll-2", 0); none != nil || err != nil {
		t.Errorf("another poll gave %+v, %v", none, err)
	}

	beat, err := w.Client.Heartbeat(ctx, errand.Heartbeat{WorkerID: w.WorkerID, Epoch: w.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: 1, RenewWrites: true}}})
	if err != nil || len(beat.Orders) != 1 || beat.Orders[0].Order != errand.OrderContinue || beat.Orders[0].Write == nil {
		t.Fatalf("%+v, %v", beat, err)
	}
	reportLogged(t, s, w, a)

	done, err := user.Job(ctx, job.ID)
	if err != nil || done.Status != errand.Completed || *done.ExitCode != 3 || done.Result == nil || done.FinishedAt == nil || done.WorkerID != w.WorkerID {
		t.Fatalf("%+v, %v", done, err)
	}
	list, err := user.Jobs(ctx, errand.Completed, "default", 1, "")
	if err != nil || len(list.Jobs) != 1 || list.Jobs[0].ID != job.ID || list.Jobs[0].Result != nil || list.Jobs[0].Env != nil {
		t.Errorf("%+v, %v", list, err)
	}
	workers, err := user.Workers(ctx, "")
	if err != nil || len(workers.Workers) != 1 || !workers.Workers[0].Online || workers.Workers[0].Status != errand.Idle {
		t.Errorf("%+v, %v", workers, err)
	}
}

// reportLogged sends a chunk of log, reads it, and reports with the rest.
func reportLogged(t *testing.T, s *apistack.Stack, w *apistack.Worker, a *errand.Assignment) {
	t.Helper()
	ctx, user := t.Context(), s.Client(s.User)
	one := errand.Frame{Stream: errand.Stdout, Elapsed: 5 * time.Millisecond, Data: []byte("hello\n")}
	two := errand.Frame{Stream: errand.Stderr, Offset: one.End(), Elapsed: 7 * time.Millisecond, Command: 1, Data: []byte("\xff\xfe")}
	sendChunk(t, a.Write, strings.TrimPrefix(errand.LogChunkKey(a.JobID, 1, 0), a.Write.LogPrefix), one.Append(nil))

	page, err := user.Logs(ctx, a.JobID, 0, 0, 0)
	if err != nil || page.Done || page.Next != 6 || page.Status != errand.Running {
		t.Fatalf("%+v, %v", page, err)
	}
	all := slices.Concat(one.Data, two.Data)
	result := errand.Result{
		ExitCode: 3, DurationMs: 12,
		Commands: []errand.CommandResult{{ExitCode: 3, DurationMs: 12,
			Stdout: errand.Output{Bytes: 6, SHA256: hexSum(one.Data), Head: one.Data},
			Stderr: errand.Output{Bytes: 2, SHA256: hexSum(two.Data), Head: two.Data}}},
		Log: errand.Log{Bytes: two.End(), SHA256: hexSum(all), Tail: two.Append(nil), TailOffset: two.Offset},
	}
	report := api.SubmitResult{WorkerID: w.WorkerID, Epoch: w.Epoch, JobID: a.JobID, Attempt: a.Attempt, Result: result}
	for range 2 { // the same answer both times
		got, err := w.Client.SubmitResult(ctx, report)
		if want := (api.Submitted{JobID: a.JobID, Status: errand.Completed}); err != nil || got != want {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	page, err = user.Logs(ctx, a.JobID, 1, page.Next, time.Second)
	if err != nil || !page.Done || *page.Bytes != 8 || page.SHA256 != result.Log.SHA256 {
		t.Fatalf("%+v, %v", page, err)
	}
	want := []api.LogFrame{{Stream: "stderr", Offset: 6, ElapsedMs: 7, Command: 1, Data: two.Data}}
	if diff := cmp.Diff(want, page.Frames); diff != "" {
		t.Error(diff)
	}
}

func TestFailureAndRetry(t *testing.T) {
	s := apistack.New(t)
	w := s.Worker(t)
	spec := hello
	spec.MaxAttempts = 2
	job := create(t, s, spec)
	a := take(t, w, "poll-1")
	fail := func(reason errand.Reason) errand.Status {
		t.Helper()
		out, err := w.Client.SubmitFailure(t.Context(), api.SubmitFailure{
			WorkerID: w.WorkerID, Epoch: w.Epoch, JobID: a.JobID, Attempt: a.Attempt, Failure: errand.Failure{Reason: reason, Error: "so it went"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.Status
	}
	if got := fail(errand.ReasonWorkerStopped); got != errand.Pending {
		t.Fatalf("given back, and yet %s", got)
	}
	seen, err := s.Client(s.User).Job(t.Context(), job.ID)
	if err != nil || seen.Status != errand.Pending || seen.StartedAt != nil || seen.WorkerID != "" {
		t.Errorf("%+v, %v", seen, err)
	}
	if a = take(t, w, "poll-2"); a.Attempt != 2 || a.Retryable {
		t.Fatalf("%+v", a)
	}
	if got := fail(errand.ReasonTimedOut); got != errand.Failed {
		t.Fatal(got)
	}
	seen, err = s.Client(s.User).Job(t.Context(), job.ID)
	if err != nil || seen.Reason != errand.ReasonTimedOut || seen.Error != "so it went" || seen.ExitCode != nil {
		t.Errorf("%+v, %v", seen, err)
	}
}

// TestLostIsDerived: a reader sees what the sweep has yet to write.
func TestLostIsDerived(t *testing.T) {
	s := apistack.New(t)
	w := s.Worker(t)
	job := create(t, s, hello)
	take(t, w, "poll-1")
	_, err := w.Client.Heartbeat(t.Context(), errand.Heartbeat{WorkerID: w.WorkerID, Epoch: w.Epoch, Holds: []errand.Hold{{JobID: job.ID, Attempt: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Hour)
	seen, err := s.Client(s.User).Job(t.Context(), job.ID)
	if err != nil || seen.Status != errand.Failed || seen.Reason != errand.ReasonLost || seen.FinishedAt == nil {
		t.Errorf("%+v, %v", seen, err)
	}
	workers, err := s.Client(s.User).Workers(t.Context(), "")
	if err != nil || workers.Workers[0].Online {
		t.Errorf("%+v, %v", workers, err)
	}
}

func TestCancel(t *testing.T) {
	s := apistack.New(t)
	ctx, user, w := t.Context(), s.Client(s.User), s.Worker(t)
	waits := create(t, s, hello)
	got, err := user.Cancel(ctx, waits.ID)
	if err != nil || got.Status != errand.Cancelled || got.Reason != errand.ReasonCancelled {
		t.Fatalf("%+v, %v", got, err)
	}
	runs := create(t, s, hello)
	a := take(t, w, "poll-1")
	got, err = user.Cancel(ctx, runs.ID)
	if err != nil || got.Status != errand.Running || !got.CancelRequested {
		t.Fatalf("%+v, %v", got, err)
	}
	beat, err := w.Client.Heartbeat(ctx, errand.Heartbeat{WorkerID: w.WorkerID, Epoch: w.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: 1}, {JobID: "unknown", Attempt: 1}}})
	if err != nil || beat.Orders[0].Order != errand.OrderCancel || beat.Orders[1].Order != errand.OrderAbandon {
		t.Fatalf("%+v, %v", beat, err)
	}
}

// TestIdempotency: a repeated create is one job, and answered as the first time.
func TestIdempotency(t *testing.T) {
	s := apistack.New(t)
	const body, other = `{"commands":["true"]}`, `{"commands":["false"]}`
	first := send(t, s, s.User, "POST", "/api/jobs/create", body, "Idempotency-Key", "k,1")
	again := send(t, s, s.User, "POST", "/api/jobs/create", body, "Idempotency-Key", "k,1")
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || !bytes.Equal(first.body, again.body) ||
		first.Header.Get("Location") != again.Header.Get("Location") {
		t.Errorf("%d %s\n%d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	where := send(t, s, s.User, "GET", first.Header.Get("Location"), "")
	if where.StatusCode != http.StatusOK || !bytes.Equal(where.body, first.body) {
		t.Errorf("Location → %s", where.body)
	}
	mismatch := send(t, s, s.User, "POST", "/api/jobs/create", other, "Idempotency-Key", "k,1")
	mismatch.want(t, errand.CodeIdempotencyMismatch, "Idempotency-Key")
	if list, err := s.Client(s.User).Jobs(t.Context(), "", "", 0, ""); err != nil || len(list.Jobs) != 1 {
		t.Errorf("%d jobs, %v", len(list.Jobs), err)
	}
}

func TestPages(t *testing.T) {
	s := apistack.New(t)
	var want, got []string
	for range 5 {
		want = append([]string{create(t, s, hello).ID}, want...)
		s.Advance(time.Millisecond)
	}
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		page, err := s.Client(s.User).Jobs(t.Context(), errand.Pending, "default", 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Jobs {
			got = append(got, j.ID)
		}
		cursor = page.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.Worker(t)
	s.Worker(t)
	first := send(t, s, s.User, "GET", "/api/workers/register?limit=1", "")
	if !strings.Contains(string(first.body), `"next":`) {
		t.Errorf("%s", first.body)
	}
}

// TestOwners: what is another owner's doesn't exist; an admin sees all.
func TestOwners(t *testing.T) {
	s := apistack.New(t)
	job := create(t, s, hello)
	stranger := errand.NewToken(errand.RoleUser, "")
	s.Grant(t, stranger, errand.RoleUser, "stranger")
	for _, path := range []string{"/api/jobs/status?jobId=", "/api/jobs/explain?jobId=", "/api/jobs/logs?jobId="} {
		got := send(t, s, stranger, "GET", path+job.ID, "")
		got.want(t, errand.CodeJobNotFound, "")
		if got := send(t, s, s.Admin, "GET", path+job.ID, ""); got.StatusCode != http.StatusOK {
			t.Errorf("an admin: %s", got.body)
		}
	}
	got := send(t, s, stranger, "POST", "/api/jobs/cancel", `{"jobId":"`+job.ID+`"}`)
	got.want(t, errand.CodeJobNotFound, "")
	if list, err := s.Client(stranger).Jobs(t.Context(), "", "", 0, ""); err != nil || len(list.Jobs) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestHeldPoll: a poll that waits is answered when a job comes.
func TestHeldPoll(t *testing.T) {
	s := apistack.New(t)
	w := s.Worker(t)
	got := make(chan *errand.Assignment, 1)
	go func() {
		a, _ := w.Client.GetJob(context.Background(), w.WorkerID, w.Epoch, "poll-1", 20*time.Second)
		got <- a
	}()
	job := create(t, s, hello)
	if a := <-got; a == nil || a.JobID != job.ID {
		t.Errorf("%+v", a)
	}
}

// TestSuperseded: the process that registered last is the worker.
func TestSuperseded(t *testing.T) {
	s := apistack.New(t)
	w := s.Worker(t)
	r, err := s.Client(s.Agent).Register(t.Context(), errand.Registration{WorkerID: w.WorkerID, Token: w.Token})
	if err != nil || r.Epoch != w.Epoch+1 || r.Token != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := w.Client.GetJob(t.Context(), w.WorkerID, w.Epoch, "p", 0); api.CodeOf(err) != errand.CodeSuperseded {
		t.Error(err)
	}
}

// TestTraceParent: a job keeps the traceparent of the request that created it, for its
// worker; a repetition, which is another span, is the same request.
func TestTraceParent(t *testing.T) {
	s := apistack.New(t)
	const body, parent, other = `{"commands":["true"]}`, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
	first := send(t, s, s.User, "POST", "/api/jobs/create", body, "Idempotency-Key", "k", "Traceparent", parent)
	again := send(t, s, s.User, "POST", "/api/jobs/create", body, "Idempotency-Key", "k", "Traceparent", other)
	if first.StatusCode != http.StatusCreated || !bytes.Contains(first.body, []byte(`"traceParent":"`+parent+`"`)) || !bytes.Equal(first.body, again.body) {
		t.Errorf("%d %s\n%d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	if a := take(t, s.Worker(t), "poll-1"); a.TraceParent != parent {
		t.Errorf("the worker got %+v", a)
	}
	wrong := send(t, s, s.User, "POST", "/api/jobs/create", body, "Traceparent", "00-1-2-3")
	if wrong.StatusCode != http.StatusCreated || bytes.Contains(wrong.body, []byte("traceParent")) {
		t.Errorf("an invalid traceparent: %d %s", wrong.StatusCode, wrong.body)
	}
}
