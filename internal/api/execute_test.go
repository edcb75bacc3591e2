package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/apistack"
)

// direct is direct mode, as a fake that notes what it is asked to run.
type direct struct {
	got    errand.DirectRequest
	runs   int
	err    error
	during func()
}

func (d *direct) Run(_ context.Context, r errand.DirectRequest) (errand.DirectReport, error) {
	d.got = r
	d.runs++
	if d.during != nil {
		d.during()
	}
	code := 1
	return errand.DirectReport{DirectResult: errand.DirectResult{Status: errand.Completed, ExitCode: &code, Commands: []errand.DirectCommand{{ExitCode: 1, Stdout: []byte("\xff"), Truncated: true}}}}, d.err
}

func TestExecute(t *testing.T) {
	d := &direct{}
	s := apistack.New(t)
	s.Service.Direct = d
	user := s.Client(s.User)
	zip := []byte("zip")
	up, err := user.CreateUpload(t.Context(), errand.UploadRequest{Filename: "a.zip", Size: int64(len(zip)), SHA256: hexSum(zip)})
	if err != nil {
		t.Fatal(err)
	}
	sendSigned(t, *up.Put, zip)
	in := api.Execute{Mode: api.ModeDirect, CreateJob: api.CreateJob{
		Commands: hello.Commands, TimeoutSeconds: 25, Source: &errand.Source{SHA256: hexSum(zip)}, Env: map[string]string{"A": "1"},
	}}
	out, err := user.Execute(t.Context(), in)
	if err != nil || out.Mode != api.ModeDirect || *out.ExitCode != 1 || string(out.Commands[0].Stdout) != "\xff" {
		t.Fatalf("%+v, %v", out, err)
	}
	if d.got.TimeoutSeconds != 25 || d.got.Source == nil || d.got.Env["A"] != "1" {
		t.Errorf("ran %+v", d.got)
	}
	d.err = context.DeadlineExceeded
	if _, err := user.Execute(t.Context(), in); api.CodeOf(err) != errand.CodeDirectTimeout {
		t.Error(err)
	}
	late := send(t, s, s.User, "POST", "/api/execute", `{"mode":"distributed","commands":["true"]}`, "Idempotency-Key", "k")
	if late.StatusCode != http.StatusAccepted || !strings.Contains(late.Header.Get("Location"), "jobId=") {
		t.Errorf("%d %s", late.StatusCode, late.body)
	}
}

// A direct run is kept as a job, which only its owner and admins see.
func TestDirectRunIsKept(t *testing.T) {
	d := &direct{}
	s := apistack.New(t)
	s.Service.Direct = d
	user := s.Client(s.User)
	in := api.Execute{Mode: api.ModeDirect, CreateJob: api.CreateJob{Commands: hello.Commands}}
	out, err := user.Execute(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	job, err := user.Job(t.Context(), out.JobID)
	if err != nil || !job.Direct || job.Status != errand.Completed || *job.ExitCode != 1 || job.WorkerName != "direct mode" {
		t.Errorf("kept as %+v, %v", job, err)
	}
	if c := job.Result.Commands; len(c) != 1 || c[0].ExitCode != 1 || c[0].Stdout.Bytes != 1 {
		t.Errorf("its commands are %+v", c)
	}
	if d.got.Write == nil || !strings.Contains(d.got.Write.LogPrefix, out.JobID) || d.got.Watched {
		t.Errorf("asked to run %+v", d.got)
	}
	d.err = context.DeadlineExceeded
	_, _ = user.Execute(t.Context(), in)
	list, err := user.Jobs(t.Context(), "", "", 0, "")
	if err != nil || len(list.Jobs) != 2 || list.Jobs[0].Reason != errand.ReasonTimedOut || list.Jobs[1].ID != out.JobID {
		t.Errorf("listed: %+v, %v", list.Jobs, err)
	}
}

func TestRepeatedDirectRun(t *testing.T) {
	d := &direct{}
	s := apistack.New(t)
	s.Service.Direct = d
	run := func(body string) reply {
		return send(t, s, s.User, "POST", "/api/execute", body, "Idempotency-Key", "k")
	}
	first := run(`{"mode":"direct","commands":["true"]}`)
	again := run(`{"mode":"direct","commands":["true"]}`)
	if first.StatusCode != http.StatusOK || again.StatusCode != http.StatusAccepted || d.runs != 1 {
		t.Fatalf("%d %s, %d %s, %d runs", first.StatusCode, first.body, again.StatusCode, again.body, d.runs)
	}
	if id := again.Header.Get("Location"); !strings.Contains(string(first.body), strings.TrimPrefix(id, "/api/jobs/status?jobId=")) {
		t.Errorf("another job: %s, %s", first.body, id)
	}
	if other := run(`{"mode":"direct","commands":["false"]}`); other.StatusCode != http.StatusConflict && other.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the key is good for another body: %d %s", other.StatusCode, other.body)
	}
}

// While it runs, a direct run is listed. Nobody can end it before its time.
func TestRunningDirectRun(t *testing.T) {
	d := &direct{}
	s := apistack.New(t)
	user := s.Client(s.User)
	d.during = func() {
		list, err := user.Jobs(t.Context(), errand.Running, "", 0, "")
		if err != nil || len(list.Jobs) != 1 || !list.Jobs[0].Direct || list.Jobs[0].Silence != nil {
			t.Errorf("while it runs: %+v, %v", list.Jobs, err)
			return
		}
		id := list.Jobs[0].ID
		if lease := list.Jobs[0].LeaseSeconds; lease != 50 {
			t.Errorf("the lease is %d s", lease)
		}
		if _, err := user.Cancel(t.Context(), id); api.CodeOf(err) != errand.CodeInvalidField || !strings.Contains(err.Error(), "25 seconds") {
			t.Errorf("cancelled: %v", err)
		}
		if x, err := user.Explain(t.Context(), id); err != nil || x.LastHeard != nil {
			t.Errorf("explained: %+v, %v", x, err)
		}
	}
	s.Service.Direct = d
	if _, err := user.Execute(t.Context(), api.Execute{Mode: api.ModeDirect, CreateJob: hello}); err != nil {
		t.Fatal(err)
	}
}
