//go:build unix

package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/terminal"
)

// TestLocalEndToEnd: the product, started as a user does: the first line, a
// job with a folder, everything that shows it; then kill -9 and a restart.
func TestLocalEndToEnd(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launchLocal(t, data)
	if !strings.HasPrefix(p.first, "http://127.0.0.1:") {
		t.Fatalf("first line %q", p.first)
	}
	src := filepath.Join(t.TempDir(), "project")
	if err := os.CopyFS(src, os.DirFS(writeProject(t))); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := errandAt(t, p.first, data, "run", src, "-c", "cat hello.txt", "-c", "echo oops >&2; exit 7", "-c", "echo never")
	if code != 7 || stdout != "hello\n" || !strings.Contains(stderr, "oops\n") || !strings.Contains(stderr, "with exit code 7\n") {
		t.Errorf("run: %d, %q, %s", code, stdout, stderr)
	}
	if _, _, stderr := errandAt(t, p.first, data, "run", src, "--", "true"); !strings.Contains(stderr, "the server already has them") {
		t.Errorf("the folder was sent twice:\n%s", stderr)
	}
	before := listOf(t, p.first, data)
	if len(before) != 2 || before[1].ExitCode == nil || *before[1].ExitCode != 7 {
		t.Fatalf("jobs: %+v", before)
	}
	if _, stdout, _ := errandAt(t, p.first, data, "logs", before[1].ID); stdout != "hello\n" {
		t.Errorf("logs: %q", stdout)
	}
	if _, stdout, _ := errandAt(t, p.first, data, "workers"); !strings.Contains(stdout, "\tdefault\t") || strings.Contains(stdout, "offline") {
		t.Errorf("workers: %q", stdout)
	}
	_ = p.cmd.Process.Kill()
	p.wait()
	p = launchLocal(t, data)
	if after := listOf(t, p.first, data); len(after) != 2 || after[0].ID != before[0].ID {
		t.Errorf("after a restart: %+v", after)
	}
	if code, stdout, stderr := errandAt(t, p.first, data, "run", "--no-source", "-c", "echo again"); code != 0 || stdout != "again\n" {
		t.Errorf("after a restart: %d, %q, %s", code, stdout, stderr)
	}
	p.interrupt()
	if code := p.wait(); code != 0 || p.stdout.String() != "" {
		t.Errorf("end: %d, more on stdout: %q", code, p.stdout.String())
	}
	if _, err := os.Stat(filepath.Join(data, urlFile)); err == nil {
		t.Error("the file with the URL is left")
	}
}

func writeProject(t *testing.T) string {
	t.Helper()
	return tree(t, map[string]string{"hello.txt": "hello\n", "sub/x": ""})
}

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func listOf(t *testing.T, url, data string) []api.Job {
	t.Helper()
	code, stdout, stderr := errandAt(t, url, data, "jobs", "--json")
	var list api.JobList
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 {
		t.Fatalf("jobs: %d, %v, %s", code, err, stderr)
	}
	return list.Jobs
}

// TestLocalAccess: which clients and Host headers errand local accepts.
func TestLocalAccess(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launchLocal(t, data, "--agents", "0", "--allow-host", "errand.example.net")
	get := func(host, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.first+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, tt := range []struct {
		host, path string
		want       int
	}{
		{"", "/", 200}, {"errand.example.net", "/", 200}, {"evil.example.net", "/", 403},
		{"", "/api/jobs", 401}, {"evil.example.net", "/api/jobs", 403}, {"", "/none", 404}, {"", "/api/none", 404},
		{"", "/_localstack/health", 404}, // the AWS edge isn't here
	} {
		if status, body := get(tt.host, tt.path); status != tt.want {
			t.Errorf("%s %s: %d, want %d: %.200s", tt.host, tt.path, status, tt.want, body)
		}
	}
	second := launch(t, "local", "--addr", "127.0.0.1:0", "--data", data)
	if code := second.wait(); code != terminal.ExitFailure || !strings.Contains(second.stderr.String(), "is in use by another errand process") {
		t.Errorf("a second server in the directory: %d, %s", code, second.stderr.String())
	}
	taken := launch(t, "local", "--addr", strings.TrimPrefix(p.first, "http://"), "--data", t.TempDir())
	if code := taken.wait(); code != terminal.ExitFailure || !strings.Contains(taken.stderr.String(), "hint: is another server running there?") {
		t.Errorf("a second server at the address: %d, %s", code, taken.stderr.String())
	}
	p.stderr.wait(t, p.first+"/#code=erc_")
}

// TestLocalDirect: direct mode runs in a process of its own, without the
// server's environment.
func TestLocalDirect(t *testing.T) {
	t.Setenv("ERRAND_SECRET_OF_THE_SERVER", "secret")
	data := t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	token, err := readToken(durable.OS, filepath.Join(data, userTokenFile))
	if err != nil {
		t.Fatal(err)
	}
	out, err := newClient(p.first, token).Execute(t.Context(), api.Execute{
		Mode: api.ModeDirect, CreateJob: api.CreateJob{Commands: []errand.Command{{Shell: "echo direct; env | grep -c -e SECRET -e AWS_SECRET"}}},
	})
	if err != nil || out.Status != errand.Completed || len(out.Commands) != 1 || string(out.Commands[0].Stdout) != "direct\n0\n" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestLocalStops: the first signal waits for the job, the second ends it.
func TestLocalStops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		signals int
		end     string // that lets the command end
		code    int    // of the job, as logs -f says it
	}{{"drains", 1, "end", 0}, {"cancels", 2, "", terminal.ExitNotRun}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data, flags := t.TempDir(), t.TempDir()
			p := launchLocal(t, data)
			started, end := filepath.Join(flags, "started"), filepath.Join(flags, "end")
			for _, fifo := range []string{started, end} {
				if err := syscall.Mkfifo(fifo, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, id, stderr := errandAt(t, p.first, data, "run", "--no-source", "-d", "-c", "echo > '"+started+"'; cat '"+end+"'; echo finished")
			if code != 0 {
				t.Fatal(stderr)
			}
			if _, err := os.ReadFile(started); err != nil { // waits for the command to write
				t.Fatal(err)
			}
			for range tt.signals {
				p.interrupt()
				p.stderr.wait(t, "stopping: ")
			}
			if tt.end != "" {
				if err := os.WriteFile(end, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			p = launchLocal(t, data, "--agents", "0")
			code, stdout, stderr := errandAt(t, p.first, data, "logs", "-f", strings.TrimSpace(id))
			if finished := strings.Contains(stdout, "finished"); code != tt.code || finished != (tt.end != "") {
				t.Errorf("%d, %q, %s", code, stdout, stderr)
			}
			if job := listOf(t, p.first, data)[0]; tt.end == "" && job.Status != errand.Failed || tt.end != "" && job.Status != errand.Completed {
				t.Errorf("the job is %s %s", job.Status, job.Reason)
			}
		})
	}
}

// TestRunSurvivesTheServer: kill -9 of the server in the middle of a job that an
// agent elsewhere runs. The job goes on, and its output is shown whole and once.
func TestRunSurvivesTheServer(t *testing.T) {
	t.Parallel()
	data, flags := t.TempDir(), t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	start(t, "agent", "--server", p.first, "--token-file", filepath.Join(data, agentTokenFile), "--data", t.TempDir())
	started, end := filepath.Join(flags, "started"), filepath.Join(flags, "end")
	for _, fifo := range []string{started, end} {
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := start(t, "run", "--no-source", "--server", p.first, "--token-file", filepath.Join(data, userTokenFile),
		"-c", "echo before; echo > '"+started+"'; cat '"+end+"'; echo after")
	if _, err := os.ReadFile(started); err != nil {
		t.Fatal(err)
	}
	client.stderr.wait(t, "$ echo before") // it reads the log
	_ = p.cmd.Process.Kill()
	p.wait()
	client.stderr.wait(t, "the server does not answer")
	if err := os.WriteFile(end, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	launchLocal(t, data, "--agents", "0", "--addr", strings.TrimPrefix(p.first, "http://"))
	code := client.wait()
	if out := <-client.line + "\n" + client.stdout.String(); code != 0 || out != "before\nafter\n" {
		t.Errorf("%d, %q, %s", code, out, client.stderr.String())
	}
}

// TestAgentCommand: an agent of its own, which drains on a signal and keeps its ID.
func TestAgentCommand(t *testing.T) {
	t.Parallel()
	data, agentData := t.TempDir(), t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	var ids []string
	for range 2 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			code, stdout, stderr := errandAt(t, p.first, data, "run", "--no-source", "-c", "echo from the agent")
			if code != 0 || stdout != "from the agent\n" {
				t.Errorf("run: %d, %q, %s", code, stdout, stderr)
			}
		}()
		a := start(t, "agent", "--server", p.first, "--token-file", filepath.Join(data, agentTokenFile), "--data", agentData, "--name", "builder", "--jobs", "2")
		<-done
		a.interrupt()
		if code := a.wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		_, stdout, _ := errandAt(t, p.first, data, "workers", "--json")
		var list api.WorkerList
		if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Workers) != 1 || list.Workers[0].Online || list.Workers[0].Name != "builder" || list.Workers[0].Slots != 2 {
			t.Fatalf("workers: %v, %s", err, stdout)
		}
		ids = append(ids, list.Workers[0].ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("IDs %q", ids)
	}
	wrong := launch(t, "agent", "--server", p.first, "--token-file", filepath.Join(data, userTokenFile), "--data", t.TempDir())
	if code := wrong.wait(); code != terminal.ExitFailure || !strings.Contains(wrong.stderr.String(), "agent") {
		t.Errorf("with a user's token: %d, %s", code, wrong.stderr.String())
	}
}

// TestLocalTLS: HTTPS outside; the embedded agent has a way of its own.
func TestLocalTLS(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	pool := writeCertificate(t, dir)
	p := launchLocal(t, data, "--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem"))
	if !strings.HasPrefix(p.first, "https://127.0.0.1:") {
		t.Fatalf("first line %q", p.first)
	}
	token, err := readToken(durable.OS, filepath.Join(data, userTokenFile))
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(p.first, token)
	client.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	if _, err := client.Jobs(t.Context(), "", "", 0, ""); err != nil {
		t.Error(err)
	}
	inner, err := os.ReadFile(filepath.Join(data, urlFile))
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := errandAt(t, strings.TrimSpace(string(inner)), data, "run", writeProject(t), "-c", "cat hello.txt"); code != 0 || stdout != "hello\n" {
		t.Errorf("run: %d, %q, %s", code, stdout, stderr)
	}
}

func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// TestDemo: make demo, on the project that it uses.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"demo", filepath.Join("..", "..", "examples", "wordcount")}, &out, &errs, os.LookupEnv)
	for _, want := range []string{"--- PASS: TestCount", "101  testdata/errands.txt"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("stdout lacks %q", want)
		}
	}
	for _, want := range []string{"wordcount: testdata/empty.txt has no words", "3  0  ", "completed in ", "stopped the server and removed "} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("stderr lacks %q", want)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
}
