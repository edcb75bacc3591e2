//go:build unix

package agent_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

func TestJobRunsToItsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.job("cat dir/file; echo $GREETING", "echo oops >&2; exit 3", "echo never")
	s.source(a, map[string]string{"dir/file": "from the archive\n"})
	s.give(a)
	r := s.run(nil)
	res := s.result()
	if res.ExitCode != 3 || len(res.Commands) != 2 || res.Commands[0].ExitCode != 0 || res.Commands[1].ExitCode != 3 {
		t.Fatalf("result %+v", res)
	}
	if got := string(res.Commands[0].Stdout.Head); got != "from the archive\nhello\n" || string(res.Commands[1].Stderr.Head) != "oops\n" {
		t.Errorf("stdout %q, stderr %q", got, res.Commands[1].Stderr.Head)
	}
	log, frames := s.log(jobID, 1, res.Log)
	want := "$ cat dir/file; echo $GREETING\nfrom the archive\nhello\n$ echo oops >&2; exit 3\noops\n"
	if string(log) != want || len(s.keys) != 0 {
		t.Errorf("log %q; chunks %q", log, s.keys)
	}
	last := frames[len(frames)-1]
	if last.Stream != errand.Stderr || last.Command != 1 || frames[0].Stream != errand.System || frames[0].Command != 0 {
		t.Errorf("first frame %+v, last %+v", frames[0], last)
	}
	sum := sha256.Sum256(log)
	if res.Log.SHA256 != hex.EncodeToString(sum[:]) || res.Log.Bytes != int64(len(log)) {
		t.Errorf("sealed as %+v", res.Log)
	}
	r.idle()
	reg := s.registrations[0]
	if reg.Name != "tester" || reg.Slots != 1 || reg.WorkerID == "" || reg.Token == "" || reg.OS == "" {
		t.Errorf("registered as %+v", reg)
	}
}

func TestEnvironmentOfCommands(t *testing.T) {
	t.Setenv("ERRAND_TOKEN", agentToken)
	t.Setenv("SOMETHING_PRIVATE", "secret")
	s := newServer(t)
	s.give(s.job("env", `test -d "$TMPDIR" && pwd`))
	s.run(nil)
	res := s.result()
	env := "\n" + string(res.Commands[0].Stdout.Head)
	for _, want := range []string{"CI=true", "ERRAND_JOB_ID=" + jobID, "ERRAND_ATTEMPT=1", "ERRAND_WORKER_ID=" + s.registrations[0].WorkerID, "GREETING=hello", "HOME=", "PATH=", "LANG=", "TMPDIR="} {
		if !strings.Contains(env, "\n"+want) {
			t.Errorf("%s is missing in %s", want, env)
		}
	}
	for _, secret := range []string{agentToken, s.registrations[0].Token, "secret"} {
		if strings.Contains(env, secret) {
			t.Errorf("%q is in %s", secret, env)
		}
	}
	if got := filepath.Base(filepath.Dir(strings.TrimSpace(string(res.Commands[1].Stdout.Head)))); got != "work" {
		t.Errorf("the commands ran in %q", got)
	}
}

// TestCommandsWaitForTheDisk: nothing is started before the attempt's directory says that
// it was received.
func TestCommandsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir := t.TempDir()
	s.give(s.job("cat '" + filepath.Join(dir, "attempts", jobID+"-1", "job.json") + "'"))
	s.run(func(c *agent.Config) { c.DataDir = dir })
	if res := s.result(); res.ExitCode != 0 || !strings.Contains(string(res.Commands[0].Stdout.Head), `"jobId":"`+jobID+`"`) {
		t.Errorf("result %+v", res)
	}
}

func TestJobsThatCannotBeRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*server, *errand.Assignment)
		reason errand.Reason
		text   string
	}{
		{"no source", func(s *server, a *errand.Assignment) {
			s.rawSource(a, []byte("x"))
			delete(s.sources, a.Source.SHA256)
		}, errand.ReasonSourceUnavailable, "404"},
		{"not a ZIP", func(s *server, a *errand.Assignment) { s.rawSource(a, []byte("no zip")) }, errand.ReasonSetupFailed, "unpack"},
		{"too large", func(s *server, a *errand.Assignment) {
			s.source(a, map[string]string{"big": strings.Repeat("x", 2000)})
		}, errand.ReasonSetupFailed, "too large"},
		{"no such program", func(_ *server, a *errand.Assignment) {
			a.Commands = []errand.Command{{Argv: []string{"no-such-program"}}}
		}, errand.ReasonStartFailed, "could not start no-such-program: not found in PATH"},
		{"no such shell", func(_ *server, a *errand.Assignment) { a.Shell = "/no/such/shell" }, errand.ReasonStartFailed, "/no/such/shell"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			a := s.job("true")
			tt.change(s, a)
			s.give(a)
			r := s.run(func(c *agent.Config) { c.Limits.MaxBytes = 1000 })
			f := s.failure()
			if f.Reason != tt.reason || !strings.Contains(f.Error, tt.text) || strings.Contains(f.Error, s.URL) || strings.Contains(f.Error, "PATH (") {
				t.Errorf("failure %s: %s", f.Reason, f.Error)
			}
			if tail := string(f.Result.Log.Tail); strings.Contains(tail, "PATH") != strings.Contains(f.Error, "PATH") || strings.Contains(tail, os.Getenv("PATH")) {
				t.Errorf("the log's end says %q", tail)
			}
			r.idle()
		})
	}
}

// A line of 10 MB, and bytes that aren't UTF-8, arrive complete and in order,
// although the storage fails now and then.
func TestLongAndBinaryOutput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	posts := 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/bucket" {
			return false
		}
		s.mu.Lock()
		posts++
		n := posts
		s.mu.Unlock()
		switch n % 4 {
		case 1:
			http.Error(w, "slow down", http.StatusServiceUnavailable)
		case 3: // arrives, but the answer is lost
			s.post(httptest.NewRecorder(), r)
			drop(w)
		default:
			return false
		}
		return true
	}
	s.give(s.job(`printf '\377\376\000'; head -c 10485760 /dev/zero | tr '\0' 'x'; echo; printf 'end \303\244' >&2`))
	s.run(nil)
	res := s.result()
	log, _ := s.log(jobID, 1, res.Log)
	_, said, _ := bytes.Cut(log, []byte("\n"))
	want := append([]byte{0xff, 0xfe, 0}, bytes.Repeat([]byte("x"), 10<<20)...)
	want = append(want, '\n')
	out := bytes.Replace(said, []byte("end ä"), nil, 1)
	if !bytes.Equal(out, want) {
		t.Fatalf("the log has %d bytes of stdout, want %d", len(out), len(want))
	}
	o := res.Commands[0].Stdout
	sum := sha256.Sum256(want)
	if o.Bytes != int64(len(want)) || o.SHA256 != hex.EncodeToString(sum[:]) || len(o.Head) != errand.OutputHeadBytes || !o.Truncated() {
		t.Errorf("stdout: %d bytes, head of %d", o.Bytes, len(o.Head))
	}
	if len(s.keys) < 10 {
		t.Errorf("%d chunks for 10 MB", len(s.keys))
	}
	for key, chunk := range s.objects {
		if len(chunk) > 1<<20 {
			t.Errorf("chunk %s has %d bytes", key, len(chunk))
		}
	}
}

// A watcher sees output within a second, even if it starts to watch while the job
// runs.
func TestWatchedOutputIsSentAtOnce(t *testing.T) {
	t.Parallel()
	for _, fromStart := range []bool{true, false} {
		t.Run(fmt.Sprint(fromStart), func(t *testing.T) {
			s := newServer(t)
			gate := filepath.Join(t.TempDir(), "gate")
			a := s.job("echo a; while ! test -e " + gate + "; do sleep 0.02; done; echo b")
			a.Watched = fromStart
			s.order = func(o *errand.Order) { o.Watched = fromStart || len(s.beats) > 5 }
			s.give(a)
			s.run(nil)
			s.await("the first output", func() bool {
				for _, chunk := range s.objects { // perhaps not the first: a slow start sends the system line alone
					if bytes.Contains(chunk, []byte("\na\n")) {
						return true
					}
				}
				return false
			})
			touch(t, gate)
			res := s.result()
			if log, _ := s.log(jobID, 1, res.Log); !bytes.HasSuffix(log, []byte("\na\nb\n")) {
				t.Errorf("log %q", log)
			}
		})
	}
}

// A refused write grant is renewed by heartbeat, and the chunk is sent again.
func TestRefusedGrantIsRenewed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.job("head -c 100000 /dev/zero")
	a.Write.URL += "-expired"
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/bucket-expired" {
			http.Error(w, "AccessDenied: expired", http.StatusForbidden)
			return true
		}
		return false
	}
	s.give(a)
	s.run(nil)
	res := s.result()
	if log, _ := s.log(jobID, 1, res.Log); len(log) != 100000+len("$ head -c 100000 /dev/zero\n") {
		t.Errorf("the log has %d bytes", len(log))
	}
}

// A storage that refuses every chunk costs the log, not the job.
func TestLogThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/bucket" {
			http.Error(w, "AccessDenied", http.StatusForbidden)
			return true
		}
		return false
	}
	s.give(s.job("head -c 100000 /dev/zero; exit 5"))
	s.run(nil)
	if res := s.result(); res.ExitCode != 5 || res.Log.Bytes < 100000 || res.Log.TailOffset != res.Log.Bytes {
		t.Errorf("exit %d, log %d bytes from %d", res.ExitCode, res.Log.Bytes, res.Log.TailOffset)
	}
}

// A thousand commands with much output fit into one result.
func TestResultFits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var lines []string
	for range 300 {
		lines = append(lines, `printf '\001%09000d' 1`)
	}
	s.give(s.job(lines...))
	s.run(nil)
	if res := s.result(); len(res.Commands) != 300 || res.Commands[0].Stdout.Bytes != 9001 {
		t.Errorf("%d commands", len(res.Commands))
	}
}
