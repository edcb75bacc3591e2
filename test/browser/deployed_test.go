package browser

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// TestDeployedPage drives the page as it is deployed: served by what infra/page.yaml
// describes, with the API and the bucket at other origins, functions that hold no
// request, and an agent that waits at the bell.
func TestDeployedPage(t *testing.T) {
	if os.Getenv("ERRAND_PROFILE") == "hostile" {
		t.Skip("the hostile profile is for errand local")
	}
	chromium := requireBrowser(t)
	d := startDeployed(t)
	startAgent(t, buildErrand(t), d.api, d.agentToken, "--jobs", "2")
	t.Setenv("ERRAND_API", d.api)
	t.Setenv("ERRAND_OBJECTS", d.objects)
	e2e(t, chromium, d.page, d.userToken, "deployed")
}

// deployedPage is where things are; tokens are of one owner.
type deployedPage struct {
	page, api, objects    string
	userToken, agentToken string
}

// startDeployed starts the template's stack with its defaults, and the page.
func startDeployed(t *testing.T) deployedPage {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require(t, err)
	d := deployedPage{page: "http://" + ln.Addr().String(), userToken: errand.NewToken(errand.RoleUser, ""), agentToken: errand.NewToken(errand.RoleAgent, "")}
	stack := d.startStack(t)
	apiServer := httptest.NewServer(stack.API(localstack.APIOptions{}))
	t.Cleanup(apiServer.Close)
	d.api, d.objects = apiServer.URL, stack.Endpoint()

	bucket, parameters := deployPage(t, outputs{api: d.api, objects: stack.Environment("SweepFunction")["ERRAND_BUCKET"], page: d.page})
	parameters["ObjectUrl"] = d.objects // the stack's bucket isn't below amazonaws.com
	pageServer := &http.Server{Handler: newCloudFront(t, bucket, parameters), ReadHeaderTimeout: time.Minute}
	go func() { _ = pageServer.Serve(ln) }()
	t.Cleanup(func() { _ = pageServer.Close() })
	return d
}

func (d *deployedPage) startStack(t *testing.T) *localstack.Stack {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var stack *localstack.Stack
	started := make(chan struct{})
	c := localstack.Config{
		Template: errand.Template, Functions: map[string]localstack.FunctionCode{}, Logf: t.Logf, Addr: "127.0.0.1:0",
		Parameters: map[string]string{"PageOrigin": d.page, "Hosts": "127.0.0.1", "BellUrl": "/bell"},
	}
	names := []string{setup.SweepName}
	for _, e := range api.Endpoints() {
		names = append(names, e.Name)
	}
	for _, name := range names {
		c.Functions[name] = localstack.FunctionCode{New: func(env map[string]string) (localstack.Handler, error) {
			<-started
			if stack == nil {
				return nil, errors.New("the stack did not start")
			}
			return setup.Handler(name, func(k string) string { return env[k] }, setup.Process{AWS: stack.AWSConfig(), Log: log})
		}}
	}
	s, err := localstack.Start(t.Context(), c)
	stack = s
	close(started)
	require(t, err)
	t.Cleanup(func() { require(t, s.Close()) })
	d.grant(t, s, log)
	return s
}

// grant makes the tokens known.
func (d *deployedPage) grant(t *testing.T, stack *localstack.Stack, log *slog.Logger) {
	t.Helper()
	env := stack.Environment("SweepFunction")
	settings, err := setup.ParseSettings(func(k string) string { return env[k] })
	require(t, err)
	svc := setup.NewService(setup.Process{AWS: stack.AWSConfig(), Log: log}, settings)
	require(t, svc.GrantToken(t.Context(), d.userToken, errand.RoleUser, "ann", nil))
	require(t, svc.GrantToken(t.Context(), d.agentToken, errand.RoleAgent, "ann", nil))
}

// startAgent runs `errand agent` until the test ends.
func startAgent(t *testing.T, bin, server, token string, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	require(t, os.WriteFile(file, []byte(token), 0o600))
	args := []string{"agent", "--server", server, "--token-file", file, "--data", filepath.Join(dir, "data")}
	cmd := exec.Command(bin, append(args, flags...)...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require(t, cmd.Start())
	t.Cleanup(func() { stop(t, cmd) })
}
