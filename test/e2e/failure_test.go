//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/test/errandbin"
)

// TestLostAnswer: a proxy drops the answer that gave a job. The agent asks again
// with the same poll ID and gets the same attempt.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	proxy := newDropProxy(t, s.url)
	proxy.dropNext("/api/workers/sync")
	id := s.submit("--no-source", "-c", "echo once")
	s.agentAt(proxy.url(), t.TempDir())
	job := s.awaitJob(id, "completed", ended)
	if job.Status != errand.Completed || job.Attempt != 1 {
		t.Errorf("job %s, attempt %d; want completed by attempt 1", job.Status, job.Attempt)
	}
	polls := proxy.requests("/api/workers/sync")
	if len(polls) < 2 || pollID(polls[0]) != pollID(polls[1]) {
		t.Errorf("polls %q: the second must repeat the poll ID of the first, whose answer was dropped", polls)
	}
}

func pollID(request string) string {
	_, rest, _ := strings.Cut(request, `"pollId":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// presumed reports whether the job's end was inferred from the end of its lease: the
// agent ended before its first heartbeat about it, a second after the start, or later.
func presumed(job api.Job) bool {
	return job.Status == errand.Failed && (job.Reason == errand.ReasonLost || job.Reason == errand.ReasonNeverReported)
}

// TestWorkerKilled: its job is lost, or finished by another if it may be.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	s := local(t, "0", fast...)
	g := newGate(t)
	victim := s.agent(t.TempDir(), "--jobs", "2")
	mark := filepath.Join(t.TempDir(), "mark")
	follower := s.errand("run", "--no-source", "-c", "echo started", "-c", g.wait())
	follower.stdout.await(t, "started")
	once := s.newest().ID
	twice := s.submit("--no-source", "--retries", "1", "-c", "touch "+mark+`; test "$ERRAND_ATTEMPT" != 1 || `+g.wait())
	awaitFile(t, mark)
	victim.kill()

	// Nobody polls: the sweep ends the lease all the same.
	job := s.awaitJob(once, "failed", ended)
	if !presumed(job) {
		t.Errorf("without retries: %s %s, want failed: lost", job.Status, job.Reason)
	}
	if code := follower.wait(); code != 125 {
		t.Errorf("errand run of a lost job: exit code %d, want 125; stderr:\n%s", code, follower.stderr)
	}
	s.agent(t.TempDir())
	job = s.awaitJob(twice, "completed", ended)
	if job.Status != errand.Completed || job.Try != 2 { // a busy machine may miss the short lease of an attempt between
		t.Errorf("with a retry: %s %s, try %d; want completed by the second", job.Status, job.Reason, job.Try)
	}
}

// TestServerKilled: kill -9 mid-job, and back after longer than a lease. The job
// goes on, finishes once, and its log is whole.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	s := local(t, "0", fast...)
	g := newGate(t)
	dir := t.TempDir()
	s.agent(t.TempDir())
	marker := filepath.Join(dir, "runs")
	id := s.submit("--no-source", "-c", fmt.Sprintf("echo run >> %s; seq 1 60000; %s; seq 60001 120000", marker, g.wait()))
	awaitFile(t, marker) // a job is running from when the server gives it: the answer may not be at the agent yet
	s.kill()
	g.open() // the command ends while there is no server

	// Longer than a lease: another server's whole life passes on another port.
	other := local(t, "1", fast...)
	other.output("run", "--no-source", "-c", fmt.Sprintf("sleep %.0f", leaseOver.Seconds()))

	s = s.restart("0", fast...)
	job := s.awaitJob(id, "completed", func(j api.Job) bool { return j.Status == errand.Completed })
	if *job.ExitCode != 0 || job.Attempt != 1 {
		t.Errorf("exit code %d, attempt %d", *job.ExitCode, job.Attempt)
	}
	var want strings.Builder
	for i := range 120000 {
		fmt.Fprintln(&want, i+1)
	}
	if got := s.output("logs", id); got != want.String() {
		t.Errorf("%d bytes of log, %s; want %d, %s", len(got), sum(got), want.Len(), sum(want.String()))
	}
	if b, err := os.ReadFile(marker); err != nil || string(b) != "run\n" {
		t.Errorf("the command left %q (%v), want one run", b, err)
	}
}

// TestStateSurvives: what was acknowledged is there after kill -9.
func TestStateSurvives(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	var ids []string
	for i := range 20 {
		ids = append(ids, s.submit("--no-source", "--group", "lane", "-c", fmt.Sprintf("echo %d", i)))
	}
	s.kill()
	s = s.restart("1")
	for i, id := range ids {
		job := s.awaitJob(id, "completed", ended)
		if job.Status != errand.Completed {
			t.Errorf("job %d: %s %s", i, job.Status, job.Error)
		}
		if got := s.output("logs", id); got != fmt.Sprintf("%d\n", i) {
			t.Errorf("log of job %d: %q", i, got)
		}
	}
}

// TestClonedIdleDirectory: two agents start on copies of an idle agent's data directory
// and take jobs. One is superseded; each job runs once.
func TestClonedIdleDirectory(t *testing.T) {
	t.Parallel()
	s := local(t, "0", fast...)
	data, clone, marks := t.TempDir(), t.TempDir(), t.TempDir()
	idle := s.agent(data)
	idle.stderr.await(t, "registered")
	idle.kill()
	copyDir(t, clone, data)
	var ids []string
	for range 12 {
		ids = append(ids, s.submit("--no-source", "-c", "echo run >>"+marks+"/$ERRAND_JOB_ID; sleep 0.1"))
	}
	first := s.agent(data, "--jobs", "2")
	first.stderr.await(t, "took job")
	s.agent(clone, "--jobs", "2")
	if code := first.wait(); code == 0 {
		t.Error("the superseded agent ended with exit code 0")
	}
	for _, id := range ids {
		job := s.awaitJob(id, "over", ended)
		b, err := os.ReadFile(filepath.Join(marks, id))
		if job.Status == errand.Completed && err != nil || len(b) > len("run\n") {
			t.Errorf("job %s %s ran as %q", job.Status, job.Reason, b)
		}
		if job.Status != errand.Completed && !presumed(job) {
			t.Errorf("job %s %s", job.Status, job.Reason)
		}
	}
}

// TestClonedDirectory: a second agent on a copy of the first one's data takes
// over its identity; the first stops, and the job runs once.
func TestClonedDirectory(t *testing.T) {
	t.Parallel()
	s := local(t, "0", fast...)
	data, clone := t.TempDir(), t.TempDir()
	g := newGate(t)
	first := s.agent(data)
	marker := filepath.Join(t.TempDir(), "runs")
	id := s.submit("--no-source", "-c", "echo run >> "+marker+"; "+g.wait())
	s.awaitJob(id, "running", running)
	awaitFile(t, marker) // the server says so before the command begins
	copyDir(t, clone, data)
	s.agent(clone)
	if code := first.wait(); code == 0 {
		t.Error("the superseded agent ended with exit code 0")
	}
	first.stderr.await(t, "superseded")
	job := s.awaitJob(id, "over", ended)
	if !presumed(job) {
		t.Errorf("job %s %s, want failed: lost", job.Status, job.Reason)
	}
	if b, err := os.ReadFile(marker); err != nil || string(b) != "run\n" {
		t.Errorf("the command left %q (%v), want one run", b, err)
	}
}

// copyDir copies the files of a directory. Sockets can't be copied.
func copyDir(t *testing.T, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitFile waits until there is a file of that name.
func awaitFile(t *testing.T, name string) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return
		}
		select {
		case <-limit:
			t.Fatalf("there is never a file %s", name)
		case <-tick.C:
		}
	}
}

// TestAccess: which credentials each address accepts.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	user, agent := s.client(), &api.Client{BaseURL: s.url, Token: s.token("agent")}
	reg, err := again(t, func() (errand.Registered, error) { return agent.Register(t.Context(), errand.Registration{}) })
	if err != nil {
		t.Fatal(err)
	}
	_, err = again(t, func() (errand.Registered, error) { return user.Register(t.Context(), errand.Registration{}) })
	wantCode(t, "a user's token on an agent route", err, errand.CodeForbidden)
	_, err = again(t, func() (*errand.Assignment, error) { return user.GetJob(t.Context(), reg.WorkerID, reg.Epoch, "p", 0) })
	wantCode(t, "a user's token on a worker route", err, errand.CodeForbidden)
	_, err = again(t, func() (api.JobList, error) { return agent.Jobs(t.Context(), "", "", 0, "") })
	wantCode(t, "an agent's token on a user route", err, errand.CodeForbidden)
	_, err = again(t, func() (api.JobList, error) { return user.WithToken("").Jobs(t.Context(), "", "", 0, "") })
	wantCode(t, "no token", err, errand.CodeUnauthenticated)

	body := []byte("these are the bytes")
	h := sha256.Sum256(body)
	up, err := again(t, func() (errand.Upload, error) {
		return user.CreateUpload(t.Context(), errand.UploadRequest{Filename: "a.zip", Size: int64(len(body)), SHA256: hex.EncodeToString(h[:])})
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := put(t, up.Put, []byte("those are the bytes")); code != http.StatusBadRequest && code != http.StatusForbidden {
		t.Errorf("other bytes for a signed upload: %d", code)
	}
	if code := put(t, up.Put, append(body, '!')); code/100 == 2 {
		t.Errorf("more bytes than signed: %d", code)
	}
	if code := put(t, up.Put, body); code != http.StatusOK {
		t.Errorf("the signed bytes: %d", code)
	}
	refuseOthers(t, s)
}

// TestAWSEdge: the edge serves its own loopback address only. At the API's address,
// which other machines may reach, valid keys give no access to it; and an AWS address
// that other machines reach is refused.
func TestAWSEdge(t *testing.T) {
	t.Parallel()
	s := local(t, "0", "--aws-addr", "127.0.0.1:0")
	s.stderr.await(t, "AWS endpoint: ")
	_, rest, _ := strings.Cut(s.stderr.String(), "AWS endpoint: ")
	edge, _, _ := strings.Cut(rest, "\n")
	for name, call := range s.awsCalls() {
		if err := call(edge); err != nil {
			t.Errorf("%s at the AWS endpoint: %v", name, err)
		}
		if err := call(s.url); err == nil {
			t.Errorf("%s is answered at the API's address", name)
		}
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		p := start(t, "local", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--agents", "0", "--aws-addr", addr)
		if code := p.wait(); code == 0 || p.stdout.String() != "" || !strings.Contains(p.stderr.String(), "loopback") {
			t.Errorf("--aws-addr %s: exit code %d, %q, %s", addr, code, p.stdout, p.stderr)
		}
	}
	p := start(t, "local", "--addr", "0.0.0.0:0", "--data", t.TempDir(), "--agents", "0")
	if code := p.wait(); code == 0 || p.stdout.String() != "" || !strings.Contains(p.stderr.String(), "--insecure") {
		t.Errorf("off loopback without TLS: exit code %d, %q, %s", code, p.stdout, p.stderr)
	}
}

// awsCalls are calls of the AWS services with the server's own keys, at an endpoint.
func (s *server) awsCalls() map[string]func(endpoint string) error {
	s.t.Helper()
	var keys struct{ AccessKeyID, SecretAccessKey string }
	b, err := os.ReadFile(filepath.Join(s.data, "aws-credentials.json"))
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil || keys.AccessKeyID == "" {
		s.t.Fatalf("keys %s: %v", b, err)
	}
	attempts := 1
	if errandbin.Hostile() {
		attempts = 10
	}
	at := func(endpoint string) aws.Config {
		return aws.Config{
			Region: "us-east-1", BaseEndpoint: &endpoint,
			// The product's: the SDK's own doesn't try again where an answer was cut.
			Retryer: func() aws.Retryer {
				return setup.NewRetryer(func(o *retry.StandardOptions) { o.MaxAttempts = attempts })
			},
			Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
		}
	}
	ctx := s.t.Context()
	return map[string]func(string) error{
		"SQS": func(e string) error {
			_, err := sqs.NewFromConfig(at(e)).ListQueues(ctx, nil)
			return err
		},
		"DynamoDB": func(e string) error {
			_, err := dynamodb.NewFromConfig(at(e)).ListTables(ctx, nil)
			return err
		},
		"S3": func(e string) error {
			_, err := s3.NewFromConfig(at(e), func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, nil)
			return err
		},
	}
}

// refuseOthers: the server listens on loopback alone.
func refuseOthers(t *testing.T, s *server) {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		if c, err := net.Dial("tcp", net.JoinHostPort(ip.String(), port)); err == nil {
			c.Close()
			t.Errorf("the server answers at %s", ip)
		}
	}
}

// put sends a signed request, again where the answer is lost or says that the
// store is at fault, and returns the answer's status.
func put(t *testing.T, r *errand.SignedRequest, body []byte) int {
	t.Helper()
	code, err := again(t, func() (int, error) { return putOnce(t, r, body) })
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func putOnce(t *testing.T, r *errand.SignedRequest, body []byte) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return resp.StatusCode, fmt.Errorf("the store answered %s", resp.Status)
	}
	return resp.StatusCode, nil
}

func wantCode(t *testing.T, what string, err error, code errand.Code) {
	t.Helper()
	if api.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
