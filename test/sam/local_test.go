//go:build unix

package sam

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/test/docker"
	"github.com/errandhq/errand/test/errandbin"
)

// SAM gives functions this key where its own environment has none.
const samKeyID, samSecret = "defaultkey", "defaultsecret"

// patience bounds waits: it ends a test that is stuck, and measures nothing.
const patience = 3 * time.Minute

// TestSAMLocal is `make sam-local`: functions as sam local start-api runs them,
// over the stack in a container, and a job from errand run through errand agent.
func TestSAMLocal(t *testing.T) {
	s := up(t)
	t.Run("job", s.job)
	t.Run("api", s.api)
	t.Run("invoke", s.invoke)
}

// world is all that runs for the test.
type world struct {
	sam      string // the SAM CLI
	root     string // of the repository
	dir      string // temporary
	errand   string // the program
	arch     string // as SAM says it
	network  string // of docker
	stackURL string // as this machine reaches the stack
	apiURL   string
}

func up(t *testing.T) *world {
	t.Helper()
	w := &world{sam: os.Getenv("ERRAND_SAM"), dir: t.TempDir()}
	if w.sam == "" {
		t.Skip("skipped: make sam-local runs this, with the SAM CLI that it installs")
	}
	docker.Require(t)
	var err error
	if w.root, err = filepath.Abs(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	if w.errand, err = errandbin.Build(w.dir); err != nil {
		t.Fatal(err)
	}
	w.arch = map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	w.buildImage(t)
	w.startStack(t)
	w.startAPI(t)
	return w
}

// buildImage makes the functions' image. SAM finds NAME:rapid-ARCH when it is
// told --invoke-image NAME:local.
func (w *world) buildImage(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(w.sam), "..", "lib", "python*", "site-packages", "samcli", "local", "rapid", "aws-lambda-rie-"+w.arch))
	if err != nil || len(found) != 1 {
		t.Fatalf("the SAM CLI's package has no emulator for %s: %v, %v", w.arch, found, err)
	}
	root := filepath.Join(w.dir, "image", "root")
	for _, d := range []string{"var/rapid", "var/task", "var/runtime", "opt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o1777); err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{
		filepath.Join(root, "var/rapid/aws-lambda-rie"): found[0],
		filepath.Join(w.dir, "image", "Dockerfile"):     filepath.Join("image", "Dockerfile"),
	} {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	docker.Run(t, "build", "-q", "-t", "errand-lambda:rapid-"+w.arch, filepath.Join(w.dir, "image"))
}

// startStack starts the stack in a container that the functions reach as
// "stack", and this machine at a port on loopback.
func (w *world) startStack(t *testing.T) {
	t.Helper()
	w.network = "errand-sam-" + strings.ToLower(rand.Text()[:8])
	docker.Run(t, "network", "create", w.network)
	t.Cleanup(w.down(t))
	name := docker.Run(t, "run", "--detach", "--network", w.network, "--network-alias", "stack",
		"--publish", "127.0.0.1::4566", "--env", "ERRAND_STACK_ACCESS_KEY_ID="+samKeyID, "--env", "ERRAND_STACK_SECRET_ACCESS_KEY="+samSecret,
		"--volume", filepath.Join(w.root, "template.yaml")+":/template.yaml:ro",
		docker.StackImage, "--template", "/template.yaml", "--stack-name", "errand")
	w.stackURL = "http://" + docker.Run(t, "port", name, "4566/tcp")
	w.await(t, w.stackURL+"/_localstack/health", nil)
}

// down removes every container of the network, whoever started it, and then the
// network. A container that SAM is about to start could slip in between, so
// that is tried again.
func (w *world) down(t *testing.T) func() {
	return func() {
		for range 10 {
			ids, _ := docker.Try("ps", "-aq", "-f", "network="+w.network)
			if args := strings.Fields(ids); len(args) > 0 {
				_, _ = docker.Try(append([]string{"rm", "--force", "--volumes"}, args...)...) // one that is going already is an error
			}
			if _, err := docker.Try("network", "rm", w.network); err == nil {
				return
			}
		}
		t.Errorf("the network %s could not be removed", w.network)
	}
}

// await waits until a server answers url, or exited is closed.
func (w *world) await(t *testing.T, url string, exited <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := get(ctx, url); err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-exited:
			t.Fatal("the server of " + url + " ended")
		case <-ctx.Done():
			t.Fatal("nothing answers at " + url)
		}
	}
}

func get(ctx context.Context, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(r)
}

// samCommand is a SAM command with the options of samconfig.toml, but for those
// that must be this test's own.
func (w *world) samCommand(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args, "--config-file", filepath.Join(w.root, "samconfig.toml"), "--config-env", "local", "--docker-network", w.network,
		"--parameter-overrides", fmt.Sprintf("Architecture=%s EndpointUrl=http://stack:4566 ObjectUrl=%s PollInterval=1s", w.arch, w.stackURL))
	cmd := exec.CommandContext(ctx, w.sam, args...)
	cmd.Dir = w.root
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "ERRAND_") { // with AWS credentials it would ask AWS who they are
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "SAM_CLI_TELEMETRY=0", "AWS_EC2_METADATA_DISABLED=true", "NO_COLOR=1")
	return cmd
}

func (w *world) startAPI(t *testing.T) {
	t.Helper()
	port := freePort(t)
	w.apiURL = "http://127.0.0.1:" + port
	p := start(t, w.samCommand(context.Background(), "local", "start-api", "--port", port))
	w.await(t, w.apiURL+"/api/none", p.exited)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// token makes a token as an operator does, with errand token create.
func (w *world) token(t *testing.T, role string) string {
	t.Helper()
	file := filepath.Join(w.dir, role+".token")
	cmd := exec.CommandContext(t.Context(), w.errand, "token", "create", "--role", role, "--owner", "sam", "--table", "errand-TokensTable", "--out", file)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+w.stackURL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+samKeyID, "AWS_SECRET_ACCESS_KEY="+samSecret)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("errand token create: %v\n%s", err, out)
	}
	return file
}

// job sends a folder and commands, and gets output, exit code and log.
func (w *world) job(t *testing.T) {
	worker := exec.Command(w.errand, "agent", "--server", w.apiURL, "--token-file", w.token(t, "agent"), "--data", filepath.Join(w.dir, "agent"))
	start(t, worker)
	user := w.token(t, "user")
	command := func(args ...string) (stdout, stderr string, code int) {
		var out, errs strings.Builder
		cmd := exec.CommandContext(t.Context(), w.errand, append(args, "--server", w.apiURL, "--token-file", user)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = w.root, &out, &errs
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	folder := filepath.Join("examples", "wordcount")
	stdout, stderr, code := command("run", folder, "-c", "cat testdata/queue.txt", "-c", "echo oops >&2; exit 7")
	want, err := os.ReadFile(filepath.Join(w.root, folder, "testdata", "queue.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if code != 7 || stdout != string(want) || !strings.Contains(stderr, "uploaded ") || !strings.Contains(stderr, "\noops\n") {
		t.Fatalf("errand run: %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
	t.Logf("errand run:\n%s", stderr)
	stdout, stderr, code = command("run", folder, "-c", "seq 100000") // more than rides in the result: it goes through S3
	if code != 0 || strings.Count(stdout, "\n") != 100000 || !strings.Contains(stderr, "the server already has them") {
		t.Errorf("a longer log: %d, %d lines\n%s", code, strings.Count(stdout, "\n"), stderr)
	}
	stdout, stderr, code = command("jobs")
	if code != 0 || strings.Count(stdout, "completed") != 2 {
		t.Errorf("errand jobs: %d\n%s\n%s", code, stdout, stderr)
	}
}

// api: what SAM's own server does with what isn't usual.
func (w *world) api(t *testing.T) {
	for _, tt := range []struct {
		method, path, contentType, body string
		status                          int
		want                            string
	}{
		{"GET", "/api/none", "", "", 404, `"code":"not_found"`},
		{"DELETE", "/api/jobs/none", "", "", 404, `"code":"not_found"`},
		{"GET", "/api/jobs", "", "", 401, `"code":"unauthenticated"`},
		{"POST", "/api/jobs/create", "application/x-www-form-urlencoded", "a=b", 401, `"code":"unauthenticated"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, w.apiURL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(b), tt.want) || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s, %v; want %d %s", tt.method, tt.path, resp.StatusCode, b, err, tt.status, tt.want)
		}
	}
}

// invoke gives recorded events to sam local invoke.
func (w *world) invoke(t *testing.T) {
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &w.stackURL, Credentials: credentials.NewStaticCredentialsProvider(samKeyID, samSecret, "")}
	svc := control.NewService(control.Config{Store: dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Tokens: "errand-TokensTable"}, clock.Real())})
	if err := svc.GrantToken(t.Context(), eventToken, errand.RoleUser, "events", nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range wantAnswers {
		var a answer
		w.invokeOne(t, functionID(tt.function), tt.name+".aws", &a)
		if a.StatusCode != tt.status || !strings.Contains(a.Body, tt.body) {
			t.Errorf("%s: %d %s; want %d %s", tt.name, a.StatusCode, a.Body, tt.status, tt.body)
		}
	}
	var r control.SweepReport
	w.invokeOne(t, "SweepFunction", "sweep.aws", &r)
}

// functionID is the logical ID of a function's resource: "jobs-create" is
// JobsCreateFunction.
func functionID(name string) string {
	var id strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		id.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return id.String() + "Function"
}

func (w *world) invokeOne(t *testing.T, function, event string, out any) {
	t.Helper()
	cmd := w.samCommand(t.Context(), "local", "invoke", function, "--event", filepath.Join(w.root, "test", "events", event+".json"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		t.Errorf("sam local invoke %s --event %s: %v\n%s\n%s", function, event, err, b, stderr.String())
	}
}
