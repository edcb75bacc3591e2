//go:build unix

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestGet: what a job makes is where a local make would have put it, with its mode and
// time, also if the job fails; and a local file that the user may need stays.
func TestGet(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"main.c": "source\n", ".gitignore": "dist\n"})
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil { // for .gitignore
		t.Fatal(err)
	}
	build := `mkdir -p dist/sub && cat main.c > dist/app && chmod 750 dist/app && touch -d 2026-01-02T03:04:05Z dist/app && ln -s app dist/link && echo x > dist/sub/x
cat > report.xml <<END
<testsuite><testcase name="good"/><testcase classname="c" name="bad"><failure message="it broke"/></testcase></testsuite>
END
echo changed >> main.c; exit 3`
	p := s.errand("run", dir, "--get", "dist", "--get", "*.xml", "-c", build)
	if code := p.wait(); code != 3 {
		t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
	}
	for _, line := range []string{"errand: 4 artifacts, ", "tests: 2 run, 1 failed, 0 skipped\n  FAIL  c/bad: it broke\n", "errand: fetched 4 files ("} {
		if !strings.Contains(p.stderr.String(), line) {
			t.Errorf("stderr lacks %q: %s", line, p.stderr)
		}
	}
	if got := readFile(t, dir, "dist/app") + readFile(t, dir, "dist/link") + readFile(t, dir, "dist/sub/x"); got != "source\nsource\nx\n" {
		t.Errorf("dist has %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, "dist/app"))
	if err != nil || info.Mode() != 0o750 || !info.ModTime().Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("dist/app: %v", info)
	}
	if got := readFile(t, dir, "main.c"); got != "source\n" {
		t.Errorf("main.c was fetched, too: %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "dist/app"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := []string{"run", dir, "--get", "dist", "-c", "mkdir dist; echo v2 > dist/app"}
	p = s.errand(again...)
	if code := p.wait(); code != 125 || !strings.Contains(p.stderr.String(), "dist/app has changed since it was fetched") {
		t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
	}
	if got := readFile(t, dir, "dist/app"); got != "mine" {
		t.Errorf("the local file is now %q", got)
	}
	s.output(append(again, "--force")...)
	if got := readFile(t, dir, "dist/app"); got != "v2\n" {
		t.Errorf("by force: %q", got)
	}
	p = s.errand("run", dir, "--get", "nothing", "-c", "true")
	if code := p.wait(); code != 125 || !strings.Contains(p.stderr.String(), "no file that matches nothing") {
		t.Errorf("a pattern that matches nothing: exit code %d; stderr:\n%s", code, p.stderr)
	}
}

// TestArtifactsLater: the files can be listed and fetched later, also by a client whose
// disk was full in the middle.
func TestArtifactsLater(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	id := s.submit("--no-source", "--artifact", "out", "-c", "mkdir out; echo a > out/a; head -c 3000000 /dev/zero > out/big")
	s.awaitJob(id, "end", func(j api.Job) bool { return j.Status.Terminal() })
	if got := s.output("artifacts", id, "out/a"); !strings.HasPrefix(got, "out/a\t2 bytes\t") {
		t.Errorf("list %q", got)
	}
	to := filepath.Join(t.TempDir(), "new")
	script := `trap '' XFSZ; ulimit -f 1000; exec "$0" artifacts get "$@"`
	cmd := exec.Command("/bin/sh", "-c", script, errandBin, id, "--to", to, "--server", s.url, "--token-file", s.tokenFile("user"))
	cmd.Env = cleanEnv(t)
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), `"out/big": file too large`) || readFile(t, to, "out/a") != "a\n" {
		t.Errorf("with a full disk: %v: %s", err, said)
	}
	if left, err := os.ReadDir(filepath.Join(to, "out")); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	s.output("artifacts", "get", id, "--to", to)
	if n := len(readFile(t, to, "out/big")); n != 3_000_000 {
		t.Errorf("out/big has %d bytes", n)
	}
}

// TestLinksLeftOut: links that can't be made safely keep no other file from coming.
func TestLinksLeftOut(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	id := s.submit("--no-source", "--artifact", "out", "-c", `mkdir out; echo a > out/a; ln -s 'b\c' out/back; ln -s x:y out/colon; ln -s .git/config out/git`)
	s.awaitJob(id, "end", ended)
	to := t.TempDir()
	p := s.errand("artifacts", "get", id, "--to", to)
	if code := p.wait(); code != 0 || strings.Count(p.stderr.String(), "is not fetched: it is a symbolic link to ") != 3 {
		t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
	}
	if left, err := os.ReadDir(filepath.Join(to, "out")); err != nil || len(left) != 1 || readFile(t, to, "out/a") != "a\n" {
		t.Errorf("fetched %v, %v", left, err)
	}
	p = s.errand("artifacts", "get", id, "out/a", "out/git", "--to", to)
	if code := p.wait(); code != 1 || !strings.Contains(p.stderr.String(), `error: out/git is not fetched: it is a symbolic link to ".git/config"`) {
		t.Errorf("named: exit code %d; stderr:\n%s", code, p.stderr)
	}
}

// TestAgentKilledWhileSending: the next agent sends the rest of the artifacts.
func TestAgentKilledWhileSending(t *testing.T) {
	t.Parallel()
	s := local(t, "0", fast...)
	data := t.TempDir()
	g := newSluice(t, s.url, true, 100_000_000) // four parts are sent at a time, and noted
	agent := s.agentAt(g.url(), data)
	id := s.submit("--no-source", "--artifact", "big", "-c", "head -c 150000000 /dev/zero > big")
	g.awaitReached(t)
	notes := filepath.Join(data, "attempts", id+"-1", "artifacts.sent")
	if b, err := os.ReadFile(notes); err != nil || !bytes.Contains(b, []byte(`"part"`)) {
		t.Fatalf("no part was sent: %q, %v", b, err)
	}
	agent.signal(syscall.SIGKILL)
	<-agent.done
	g.open() // what was signed for the first agent leads through it
	s.agent(data)
	job := s.awaitJob(id, "end", func(j api.Job) bool { return j.Status.Terminal() })
	if job.Status != errand.Completed || job.Result.Artifacts.Error != "" || job.Result.Artifacts.Bytes != 150_000_000 {
		t.Fatalf("%+v", job)
	}
	to := t.TempDir()
	s.output("artifacts", "get", id, "--to", to)
	if n := len(readFile(t, to, "big")); n != 150_000_000 {
		t.Errorf("%d bytes came back", n)
	}
}

// TestHostileWorker: a worker that gives back what was not asked for, or leads out of the
// folder, changes nothing.
func TestHostileWorker(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	dir := files(t, map[string]string{"main.c": "source\n"})
	for _, tc := range []struct{ path, link string }{
		{"dist/../../evil", ""}, {".git/hooks/post-checkout", ""}, {"main.c", ""}, {"dist/x", "../../evil"}, {"dist/.GIT/config", ""},
	} {
		p := s.errand("run", dir, "--get", "dist", "--get", ".git", "-c", "true")
		s.giveBackAs(tc.path, tc.link)
		if code := p.wait(); code != 125 {
			t.Errorf("%s: exit code %d; stderr:\n%s", tc.path, code, p.stderr)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || readFile(t, dir, "main.c") != "source\n" {
			t.Errorf("%s: the folder has %v, %v", tc.path, entries, err)
		}
	}
}

// giveBackAs takes the next job as a worker that gives back one file of that path, or a
// link.
func (s *server) giveBackAs(path, link string) {
	s.t.Helper()
	ctx := s.t.Context()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	reg, err := (&api.Client{BaseURL: s.url, Token: s.token("agent")}).Register(ctx, errand.Registration{Features: []string{errand.FeatureArtifacts, errand.FeatureManifest, errand.FeatureTerminal}})
	must(err)
	c := &api.Client{BaseURL: s.url, Token: reg.Token}
	var a *errand.Assignment
	for n := 0; a == nil; n++ {
		a, err = c.GetJob(ctx, reg.WorkerID, reg.Epoch, "p"+strconv.Itoa(n), 5*time.Second)
		must(err)
	}
	_, err = c.Heartbeat(ctx, errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt}}})
	must(err)
	content := func(b []byte) errand.Content {
		sum := sha256.Sum256(b)
		return errand.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b))}
	}
	body := []byte("evil")
	file := errand.ArtifactFile{Path: path, Link: link, Mode: "4777", ModifiedAt: time.Now()}
	if link == "" {
		file.Content = content(body)
	}
	list, err := json.Marshal(errand.ArtifactList{Files: []errand.ArtifactFile{file}})
	must(err)
	in := api.SignArtifacts{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Uploads: []errand.ArtifactUpload{{Content: content(body)}, {Content: content(list)}}}
	out, err := c.SignArtifacts(ctx, in)
	must(err)
	for i, b := range [][]byte{body, list} {
		put := out.Grants[i].Put
		req, err := http.NewRequestWithContext(ctx, put.Method, put.URL, bytes.NewReader(b))
		must(err)
		for name, value := range put.Header {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		must(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			s.t.Fatalf("PUT: %s", resp.Status)
		}
	}
	sealed := content(list)
	_, err = c.SubmitResult(ctx, api.SubmitResult{
		WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt,
		Result: errand.Result{Commands: []errand.CommandResult{}, Artifacts: &errand.Artifacts{Files: 1, List: &sealed}},
	})
	must(err)
}
