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
	got errand.DirectRequest
	err error
}

func (d *direct) Run(_ context.Context, r errand.DirectRequest) (errand.DirectResult, error) {
	d.got = r
	code := 1
	return errand.DirectResult{Status: errand.Completed, ExitCode: &code, Commands: []errand.DirectCommand{{ExitCode: 1, Stdout: []byte("\xff"), Truncated: true}}}, d.err
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
