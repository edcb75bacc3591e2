package integration

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/control/controltest"
)

// service: one job from its upload to its log, and one that is cancelled, as
// the functions do it.
func (w *world) service(t *testing.T) {
	ctx, svc, who := t.Context(), w.svc, controltest.NewOwner()
	user := control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: who}}
	reg, err := svc.Register(ctx, control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: who}}, errand.Registration{Slots: 2})
	must(t, err)
	p, err := svc.Authenticate(ctx, reg.Token)
	must(t, err)
	worker := control.Caller{Principal: p}

	src := w.upload(t, user, []byte("an archive"))
	spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Source: src}
	job, err := svc.CreateJob(ctx, user, spec, control.CreateOptions{Key: "k"})
	must(t, err)
	again, err := svc.CreateJob(ctx, user, spec, control.CreateOptions{Key: "k"})
	if err != nil || again.Spec.ID != job.Spec.ID {
		t.Errorf("the same key made %s, %v; want %s", again.Spec.ID, err, job.Spec.ID)
	}
	a := w.takeJob(t, worker, reg)
	if a.JobID != job.Spec.ID || a.Source == nil {
		t.Fatalf("assignment %+v of job %s", a, job.Spec.ID)
	}
	if status, got := w.blobsOptions().SendSigned(t, a.Source.Download, nil); status != http.StatusOK || string(got) != "an archive" {
		t.Errorf("download: HTTP %d %q", status, got)
	}
	beat, err := svc.Heartbeat(ctx, worker, errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt}}})
	if err != nil || len(beat.Orders) != 1 || beat.Orders[0].Order != errand.OrderContinue {
		t.Fatalf("heartbeat %+v, %v", beat, err)
	}
	w.writeLog(t, a, "hello ")
	tail := errand.Frame{Stream: errand.Stdout, Offset: 6, Data: []byte("world")}.Append(nil)
	report := control.Report{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt}
	result := errand.Result{ExitCode: 3, Log: errand.Log{Bytes: 11, SHA256: controltest.SHA256([]byte("hello world")), Tail: tail, TailOffset: 6}}
	for range 2 { // an answer that was lost is asked for again
		if status, err := svc.SubmitResult(ctx, worker, report, result); err != nil || status != errand.Completed {
			t.Fatalf("submit: %s, %v", status, err)
		}
	}
	w.checkJob(t, user, a.JobID)
	w.cancelled(t, user, worker, reg)
	controltest.Eventually(t, "both jobs in the list", func(ctx context.Context) bool {
		page, err := svc.Jobs(ctx, user, control.JobFilter{Limit: 10})
		must(t, err)
		return len(page.Jobs) == 2
	})
	if _, err := svc.Sweep(ctx); err != nil {
		t.Errorf("sweep: %v", err)
	}
	if k, err := svc.Queue.Receive(ctx, errand.DefaultQueue, "", 1, 0, time.Minute); err != nil || len(k) > 0 {
		t.Errorf("received %+v, %v; want nothing", k, err)
	}
}

func (w *world) upload(t *testing.T, user control.Caller, body []byte) *errand.Source {
	t.Helper()
	r := errand.UploadRequest{Filename: "a.zip", Size: int64(len(body)), SHA256: controltest.SHA256(body)}
	up, err := w.svc.CreateUpload(t.Context(), user, r)
	must(t, err)
	if status, answer := w.blobsOptions().SendSigned(t, *up.Put, body); status != http.StatusOK {
		t.Fatalf("upload: HTTP %d %s", status, answer)
	}
	if up, err = w.svc.CreateUpload(t.Context(), user, r); err != nil || !up.Exists {
		t.Errorf("the upload again: %+v, %v", up, err)
	}
	return &errand.Source{SHA256: r.SHA256}
}

func (w *world) takeJob(t *testing.T, worker control.Caller, reg errand.Registered) *errand.Assignment {
	t.Helper()
	var a *errand.Assignment
	controltest.Eventually(t, "an assignment", func(ctx context.Context) bool {
		var err error
		a, err = w.svc.TakeJob(ctx, worker, control.TakeRequest{WorkerID: reg.WorkerID, Epoch: reg.Epoch, PollID: controltest.NewID()})
		must(t, err)
		return a != nil
	})
	return a
}

// writeLog sends the first chunk of a log by the assignment's grant.
func (w *world) writeLog(t *testing.T, a *errand.Assignment, text string) {
	t.Helper()
	chunk := errand.Frame{Stream: errand.Stdout, Data: []byte(text)}.Append(nil)
	if status, answer := w.blobsOptions().PostForm(t, a.Write.URL, a.Write.Fields, errand.LogChunkKey(a.JobID, a.Attempt, 0), chunk); status >= 300 {
		t.Fatalf("log chunk: HTTP %d %s", status, answer)
	}
}

func (w *world) checkJob(t *testing.T, user control.Caller, id string) {
	t.Helper()
	job, err := w.svc.Job(t.Context(), user, id)
	if err != nil || job.State.Status != errand.Completed || job.State.ExitCode == nil || *job.State.ExitCode != 3 || job.Result == nil {
		t.Errorf("job %+v, %v", job.State, err)
	}
	var text []byte
	for offset := int64(0); ; {
		page, err := w.svc.Logs(t.Context(), user, control.LogRequest{JobID: id, Offset: offset})
		must(t, err)
		for _, f := range page.Frames {
			text = append(text, f.Data...)
		}
		if page.Done || page.Next == offset {
			break
		}
		offset = page.Next
	}
	if string(text) != "hello world" {
		t.Errorf("log %q", text)
	}
}

// cancelled: a running job ends when its worker says so.
func (w *world) cancelled(t *testing.T, user, worker control.Caller, reg errand.Registered) {
	t.Helper()
	ctx := t.Context()
	job, err := w.svc.CreateJob(ctx, user, errand.Spec{Commands: []errand.Command{{Shell: "sleep 1"}}, MaxAttempts: 2}, control.CreateOptions{})
	must(t, err)
	a := w.takeJob(t, worker, reg)
	hold := errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt}}}
	_, err = w.svc.Heartbeat(ctx, worker, hold)
	must(t, err)
	_, err = w.svc.Cancel(ctx, user, job.Spec.ID)
	must(t, err)
	beat, err := w.svc.Heartbeat(ctx, worker, hold)
	if err != nil || beat.Orders[0].Order != errand.OrderCancel {
		t.Errorf("heartbeat %+v, %v", beat, err)
	}
	report := control.Report{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt}
	if status, err := w.svc.SubmitFailure(ctx, worker, report, errand.Failure{Reason: errand.ReasonCancelled}); err != nil || status != errand.Cancelled {
		t.Errorf("submit: %s, %v", status, err)
	}
}
