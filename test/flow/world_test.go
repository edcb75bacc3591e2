// Package flow tests the control plane's use cases over the embedded stack, on its
// real wire protocols. The product and the stack share one clock, which the tests
// advance. Workers are calls of the Service; the real agent is tested in test/e2e.
// The tests in server_test.go run the functions in process, and with ERRAND_ISOLATE
// as processes.
package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/internal/queue"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// world is a control plane with a clock of its own.
type world struct {
	t        *testing.T
	ctx      context.Context
	clock    *localstack.ManualClock
	stack    *localstack.Stack
	svc      *control.Service
	settings setup.Settings
	faults   *faults
	user     control.Caller
}

// newWorld starts a stack in memory without workers and jobs. The sweep isn't
// scheduled: tests call it.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, profile(t))
}

// newWorldOf is newWorld over a hostile stack, or over a normal one if hostile is
// nil.
func newWorldOf(t *testing.T, hostile *localstack.Hostile) *world {
	t.Helper()
	clock := localstack.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	w := &world{t: t, ctx: t.Context(), clock: clock, faults: &faults{}}
	idle := func(map[string]string) (localstack.Handler, error) { // the tests call the Service, not the functions
		return lambda.NewHandler(func() error { return nil }), nil
	}
	functions := map[string]localstack.FunctionCode{setup.SweepName: {New: idle}}
	for _, e := range api.Endpoints() {
		functions[e.Name] = localstack.FunctionCode{New: idle}
	}
	stack, err := localstack.Start(w.ctx, localstack.Config{
		Clock: clock, Template: errand.Template, Functions: functions, Logf: t.Logf,
		Parameters: map[string]string{"PollWait": "20s"}, OldestGroupFirst: true, Hostile: hostile,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.stack = stack
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("close the stack: %v", err)
		}
	})
	env := stack.Environment("SweepFunction")
	if w.settings, err = setup.ParseSettings(func(k string) string { return env[k] }); err != nil {
		t.Fatal(err)
	}
	w.svc = w.service(awsOf(stack))
	w.user = control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: "ann"}, Origin: "http://127.0.0.1:8080"}
	return w
}

// service returns a Service over AWS as configured in cfg, with faults that can be
// set.
func (w *world) service(cfg aws.Config) *control.Service {
	log := slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	svc := setup.NewService(setup.Process{AWS: cfg, Clock: w.clock, Log: log}, w.settings)
	svc.Store = faultyStore{svc.Store, w.faults}
	svc.Queue = faultyQueue{svc.Queue, w.faults}
	return svc
}

// otherProcess is the same world as another process of the server sees it.
func (w *world) otherProcess() *world {
	other := *w
	other.svc = w.service(awsOf(w.stack))
	return &other
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// create creates a job, which must succeed.
func (w *world) create(change ...func(*errand.Spec)) errand.Job {
	w.t.Helper()
	spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
	for _, f := range change {
		f(&spec)
	}
	job, err := w.svc.CreateJob(w.ctx, w.user, spec, control.CreateOptions{})
	if err != nil {
		w.t.Fatalf("create: %v", err)
	}
	return job
}

func attempts(n int) func(*errand.Spec) { return func(s *errand.Spec) { s.MaxAttempts = n } }
func group(g string) func(*errand.Spec) { return func(s *errand.Spec) { s.Group = g } }

// job returns a job as its owner sees it.
func (w *world) job(id string) errand.Job {
	w.t.Helper()
	job, err := w.svc.Job(w.ctx, w.user, id)
	if err != nil {
		w.t.Fatalf("job %s: %v", id, err)
	}
	job.State = job.State.View(w.clock.Now())
	return job
}

// want checks a job's state.
func (w *world) want(id string, status errand.Status, reason errand.Reason, attempt int) {
	w.t.Helper()
	st := w.job(id).State
	if st.Status != status || st.Reason != reason || st.Attempt != attempt {
		w.t.Errorf("job is %s %q, attempt %d; want %s %q, attempt %d", st.Status, st.Reason, st.Attempt, status, reason, attempt)
	}
}

func (w *world) sweep() control.SweepReport {
	w.t.Helper()
	w.waitForIndexes()
	r, err := w.svc.Sweep(w.ctx)
	if err != nil {
		w.t.Fatalf("sweep: %v", err)
	}
	return r
}

// tickets counts the messages of the default queue.
func (w *world) tickets() int {
	w.t.Helper()
	return countTickets(w.t, awsOf(w.stack), w.settings.Queues[errand.DefaultQueue])
}

func countTickets(t *testing.T, cfg aws.Config, url string) int {
	t.Helper()
	res, err := sqs.NewFromConfig(cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		var k int
		if _, err := fmt.Sscan(res.Attributes[name], &k); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n += k
	}
	return n
}

// worker is a worker that calls the Service.
type worker struct {
	*world
	caller control.Caller
	id     string
	epoch  int
	polls  int
}

// worker registers a worker. The same name again is the same worker after a restart.
func (w *world) worker(name string) *worker {
	w.t.Helper()
	id := "worker-" + name
	token := "erw_" + id + "." + strings.Repeat("s", 40)
	agent := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	r, err := w.svc.Register(w.ctx, agent, errand.Registration{WorkerID: id, Token: token, Slots: 4})
	if err != nil {
		w.t.Fatalf("register: %v", err)
	}
	return &worker{
		world: w, id: id, epoch: r.Epoch,
		caller: control.Caller{Principal: control.Principal{Role: errand.RoleWorker, Owner: "ann", WorkerID: id}, Origin: "http://127.0.0.1:8080"},
	}
}

// poll asks for work with a poll ID, without waiting.
func (k *worker) poll(pollID string) (a *errand.Assignment, err error) {
	for n := looks(); n > 0 && a == nil && err == nil; n-- {
		a, err = k.svc.TakeJob(k.ctx, k.caller, control.TakeRequest{WorkerID: k.id, Epoch: k.epoch, PollID: pollID})
	}
	return a, err
}

// take asks for work with a new poll ID, and fails the test unless there is some, or
// none, as wanted.
func (k *worker) take(some bool) *errand.Assignment {
	k.t.Helper()
	k.polls++
	a, err := k.poll(fmt.Sprintf("%s-%d-%d", k.id, k.epoch, k.polls))
	if err != nil {
		k.t.Fatalf("poll: %v", err)
	}
	if (a != nil) != some {
		k.t.Fatalf("poll got %+v; want some: %v", a, some)
	}
	return a
}

// sync reports attempts and asks for up to count jobs, without waiting.
func (k *worker) sync(pollID string, count int, reports ...control.AttemptReport) (answer control.SyncAnswer, err error) {
	for n := looks(); n > 0 && len(answer.Attempts) == 0 && err == nil; n-- {
		answer, err = k.svc.Sync(k.ctx, k.caller, control.SyncRequest{WorkerID: k.id, Epoch: k.epoch, Reports: reports, PollID: pollID, Count: count})
		err = errors.Join(err, answer.Err)
	}
	return answer, err
}

// syncTake asks for jobs with a new poll ID.
func (k *worker) syncTake(count int, reports ...control.AttemptReport) []*errand.Assignment {
	k.t.Helper()
	k.polls++
	answer, err := k.sync(fmt.Sprintf("%s-%d-%d", k.id, k.epoch, k.polls), count, reports...)
	if err != nil {
		k.t.Fatalf("sync: %v", err)
	}
	for _, r := range answer.Reports {
		if r.Err != nil {
			k.t.Fatalf("report of %s: %v", r.JobID, r.Err)
		}
	}
	return answer.Attempts
}

// done is the report of an attempt whose commands ended with an exit code.
func done(a *errand.Assignment, exitCode int) control.AttemptReport {
	return control.AttemptReport{AttemptID: errand.AttemptID{JobID: a.JobID, Attempt: a.Attempt}, Result: &errand.Result{ExitCode: exitCode}}
}

// beat sends a heartbeat that names attempts, and returns the orders.
func (k *worker) beat(holds ...*errand.Assignment) []errand.Order {
	k.t.Helper()
	h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch}
	for _, a := range holds {
		h.Holds = append(h.Holds, errand.Hold{JobID: a.JobID, Attempt: a.Attempt})
	}
	res, err := k.svc.Heartbeat(k.ctx, k.caller, h)
	if err != nil {
		k.t.Fatalf("heartbeat: %v", err)
	}
	return res.Orders
}

// submit reports that the commands ended with an exit code.
func (k *worker) submit(a *errand.Assignment, exitCode int) (errand.Status, error) {
	return k.svc.SubmitResult(k.ctx, k.caller, k.report(a), errand.Result{ExitCode: exitCode})
}

// submitLarge is submit with a result that is too large for the job's state.
func (k *worker) submitLarge(a *errand.Assignment, exitCode int) (errand.Status, error) {
	return k.svc.SubmitResult(k.ctx, k.caller, k.report(a), largeResult(exitCode))
}

func largeResult(exitCode int) errand.Result {
	output := errand.Output{Head: make(errand.Bytes, errand.MaxStateResultBytes)}
	return errand.Result{ExitCode: exitCode, Commands: []errand.CommandResult{{Stdout: output}}}
}

func (k *worker) fail(a *errand.Assignment, reason errand.Reason) (errand.Status, error) {
	return k.svc.SubmitFailure(k.ctx, k.caller, k.report(a), errand.Failure{Reason: reason, Error: "it went wrong"})
}

func (k *worker) report(a *errand.Assignment) control.Report {
	return control.Report{WorkerID: k.id, Epoch: k.epoch, JobID: a.JobID, Attempt: a.Attempt}
}

// wantCode checks an error's code; empty means no error.
func wantCode(t *testing.T, err error, code errand.Code) {
	t.Helper()
	switch {
	case code == "" && err != nil:
		t.Fatalf("error %v, want none", err)
	case code != "" && (err == nil || errand.CodeOf(err) != code):
		t.Fatalf("error %v, want code %s", err, code)
	}
}

// rawQueue and rawStore bypass the faults.
func (w *world) rawQueue() control.Queue {
	return queue.New(sqs.NewFromConfig(awsOf(w.stack)), w.settings.QueueConfig(), slog.New(slog.DiscardHandler))
}

func (w *world) rawStore() control.Store {
	return dynamo.New(dynamodb.NewFromConfig(awsOf(w.stack)), w.settings.Tables, w.clock)
}
