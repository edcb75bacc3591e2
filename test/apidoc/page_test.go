package apidoc

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/api/apitest"
	"github.com/errandhq/errand/test/apistack"
)

// server is what the page's examples talk to.
type server struct{ url, user, agent, admin string }

// TestContract runs the page against the API over the embedded stack, which validates its
// traffic against docs/openapi.yaml.
func TestContract(t *testing.T) {
	s := apistack.New(t)
	s.Service.Direct = exitThree{}
	runPage(t, server{s.URL, s.User, s.Agent, s.Admin})
}

// exitThree answers for a command that ends with 3, as the page's example does.
type exitThree struct{}

func (exitThree) Run(context.Context, errand.DirectRequest) (errand.DirectReport, error) {
	code := 3
	return errand.DirectReport{DirectResult: errand.DirectResult{Status: errand.Completed, ExitCode: &code, Commands: []errand.DirectCommand{
		{ExitCode: 3, Stdout: errand.Bytes("out\n"), Stderr: errand.Bytes("err\n")},
	}}}, nil
}

// TestLocal runs the page against the product, then reads all that came of it,
// which is as docs/openapi.yaml describes it.
func TestLocal(t *testing.T) {
	s := startLocal(t)
	runPage(t, s)
	c := &api.Client{BaseURL: s.url, Token: s.user, HTTP: &http.Client{Transport: apitest.Transport(t, nil)}}
	list, err := c.Jobs(t.Context(), "", "", 0, "")
	if err != nil || len(list.Jobs) != 9 {
		t.Fatalf("the page made %d jobs, %v", len(list.Jobs), err)
	}
	for _, j := range list.Jobs {
		if _, err := c.Job(t.Context(), j.ID); err != nil {
			t.Error(err)
		}
		if _, err := c.Logs(t.Context(), j.ID, 0, 0, 0); err != nil {
			t.Error(err)
		}
	}
	workers, err := c.Workers(t.Context(), "")
	if err != nil || len(workers.Workers) != 1 {
		t.Errorf("the page registered %d workers, %v", len(workers.Workers), err)
	}
}

// runPage runs the page's script and compares the HTTP statuses with those on the
// page.
func runPage(t *testing.T, s server) {
	t.Helper()
	script, want := readPage(t)
	if len(want) < 35 {
		t.Fatalf("the page has %d requests; that can't be all", len(want))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, needTool(t, "bash"), "-c", script)
	needTool(t, "curl")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "ERRAND_URL="+s.url, "USER_TOKEN="+s.user, "AGENT_TOKEN="+s.agent, "ADMIN_TOKEN="+s.admin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	compare(t, want, stderr.String())
	if err != nil {
		t.Errorf("the script ended: %v\n%s\n%s", err, tail(stderr.String()), tail(stdout.String()))
	}
}

// request is one that the page makes.
type request struct {
	line   int // of docs/api.md
	status string
}

var statusRE = regexp.MustCompile(`# ([1-5][0-9][0-9])$`)

// prelude ends the script at the first failure, and makes curl print each status.
const prelude = `set -eu -o pipefail
curl() { command curl -w '%{stderr}\nHTTP %{http_code}\n' "$@"; }
`

// readPage joins the page's sh blocks to one script, and lists the statuses in the
// comments after the requests.
func readPage(t *testing.T) (script string, want []request) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(prelude)
	inside := false
	for i, line := range strings.Split(string(page), "\n") {
		switch {
		case line == "```sh":
			inside = true
			fmt.Fprintf(&b, "echo 'at docs/api.md:%d' >&2\n", i+1)
		case line == "```":
			inside = false
		case inside:
			if m := statusRE.FindStringSubmatch(line); m != nil {
				want = append(want, request{i + 1, m[1]})
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String(), want
}

// compare checks the statuses that curl said.
func compare(t *testing.T, want []request, stderr string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(stderr) {
		if status, ok := strings.CutPrefix(strings.TrimSpace(line), "HTTP "); ok {
			got = append(got, status)
		}
	}
	for i, w := range want {
		if i >= len(got) {
			t.Errorf("docs/api.md:%d and what follows was not reached", w.line)
			return
		}
		if got[i] != w.status {
			t.Errorf("docs/api.md:%d says %s; it was %s", w.line, w.status, got[i])
		}
	}
	if len(got) > len(want) {
		t.Errorf("%d requests, of which the page gives the status of %d", len(got), len(want))
	}
}

func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("the page's examples need %s", name)
	}
	return path
}

// tail is the end of a long text.
func tail(s string) string { return s[max(0, len(s)-3000):] }
