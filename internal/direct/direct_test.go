//go:build unix

package direct_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/direct"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(lines ...string) errand.DirectRequest {
	r := errand.DirectRequest{TimeoutSeconds: 20}
	for _, l := range lines {
		r.Commands = append(r.Commands, errand.Command{Shell: l})
	}
	return r
}

// run runs r with all temporary files in a directory, and checks that none is left.
func run(t *testing.T, r errand.DirectRequest) errand.DirectReport {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	out := direct.Runner{Getenv: os.Getenv, HTTP: client}.Run(t.Context(), r)
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("%s is left behind", left[0].Name())
	}
	return out
}

func TestCommandsRun(t *testing.T) {
	r := shell("echo out; echo err >&2", "printf '\\377'; exit 3", "echo never")
	out := run(t, r)
	if out.Status != errand.Completed || out.ExitCode == nil || *out.ExitCode != 3 || len(out.Commands) != 2 {
		t.Fatalf("got %+v", out)
	}
	c := out.Commands
	if string(c[0].Stdout) != "out\n" || string(c[0].Stderr) != "err\n" || string(c[1].Stdout) != "\xff" || c[1].ExitCode != 3 {
		t.Errorf("got %+v", c)
	}
	r.ContinueOnError = true
	if out := run(t, r); len(out.Commands) != 3 || *out.ExitCode != 3 {
		t.Errorf("going on: %+v", out)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
	t.Setenv("SECRET", "secret")
	r := shell("env", `touch "$HOME/x" "$TMPDIR/x" x; test "$ERRAND_DIR" = "$(pwd -P)" && test "$GIT_CEILING_DIRECTORIES" = "$(dirname "$PWD")"`)
	r.Env = map[string]string{"GREETING": "hello"}
	out := run(t, r)
	env := "\n" + string(out.Commands[0].Stdout)
	if out.ExitCode == nil || *out.ExitCode != 0 || !strings.Contains(env, "\nGREETING=hello\n") || !strings.Contains(env, "\nCI=true\n") {
		t.Errorf("got %s", env)
	}
	if strings.Contains(env, "secret") || strings.Contains(env, "AWS_") || strings.Contains(env, "\nHOME="+os.Getenv("HOME")+"\n") {
		t.Errorf("the environment was inherited: %s", env)
	}
}

func TestTimeout(t *testing.T) {
	r := shell("echo a", "echo b; sleep 600")
	r.TimeoutSeconds = 3
	out := run(t, r)
	if out.Status != errand.Failed || out.Reason != errand.ReasonTimedOut || out.ExitCode != nil || len(out.Commands) != 2 || string(out.Commands[1].Stdout) != "b\n" {
		t.Errorf("got %+v", out)
	}
}

// TestTimeoutOfTheDownload: the timeout includes what is done before the commands.
func TestTimeoutOfTheDownload(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	r := shell("echo never")
	r.TimeoutSeconds = 1
	r.Source = &errand.SourceGrant{Download: errand.SignedRequest{Method: "GET", URL: srv.URL}}
	out := run(t, r)
	if out.Status != errand.Failed || out.Reason != errand.ReasonTimedOut || len(out.Commands) != 0 || out.DurationMs >= 60_000 {
		t.Errorf("got %+v", out)
	}
}

func TestDeadlineOfThePlatform(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	out := direct.Run(ctx, shell("sleep 600"))
	if out.Status != errand.Failed || out.Reason != errand.ReasonTimedOut {
		t.Errorf("got %+v", out)
	}
}

func TestOutputLimit(t *testing.T) {
	out := run(t, shell("echo first", "head -c 3000000 /dev/zero | tr '\\0' x", "echo last >&2"))
	if *out.ExitCode != 0 {
		t.Fatalf("a program that says too much failed: %+v", out.Commands[1].ExitCode)
	}
	total := 0
	for _, c := range out.Commands {
		total += len(c.Stdout) + len(c.Stderr)
	}
	if total != errand.MaxDirectOutputBytes || out.Commands[0].Truncated || !out.Commands[1].Truncated || !out.Commands[2].Truncated {
		t.Errorf("%d bytes; %v %v %v", total, out.Commands[0].Truncated, out.Commands[1].Truncated, out.Commands[2].Truncated)
	}
}

// A control character is six bytes in JSON; the answer must fit all the same.
func TestAnswerFits(t *testing.T) {
	out := run(t, shell("head -c 3000000 /dev/zero"))
	if b, err := json.Marshal(out); err != nil || len(b) > 4<<20 || len(out.Commands[0].Stdout) < 400_000 {
		t.Errorf("%d bytes, %d of output, %v", len(b), len(out.Commands[0].Stdout), err)
	}
}

func TestWhatCannotStart(t *testing.T) {
	out := run(t, errand.DirectRequest{Commands: []errand.Command{{Argv: []string{"no-such-program"}}}, TimeoutSeconds: 5})
	if out.Status != errand.Failed || out.Reason != errand.ReasonStartFailed || len(out.Commands) != 1 || out.Commands[0].ExitCode != -1 {
		t.Errorf("got %+v", out)
	}
}

func archiveOf(t *testing.T, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	w, err := zw.Create(name)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = zw.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSource(t *testing.T) {
	content := archiveOf(t, "dir/file", "from the archive")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/whole":
			_, _ = w.Write(content)
		case "/garbage":
			_, _ = w.Write([]byte("garbage"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	hash := func(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }
	for _, tt := range []struct {
		path, hash string
		reason     errand.Reason
	}{
		{"/whole", hash(content), ""},
		{"/whole", hash([]byte("other")), errand.ReasonSourceUnavailable},
		{"/gone", hash(content), errand.ReasonSourceUnavailable},
		{"/garbage", hash([]byte("garbage")), errand.ReasonSetupFailed},
	} {
		r := shell("cat dir/file")
		r.Source = &errand.SourceGrant{Source: errand.Source{SHA256: tt.hash}, Download: errand.SignedRequest{Method: "GET", URL: srv.URL + tt.path}}
		out := run(t, r)
		if out.Reason != tt.reason || strings.Contains(out.Error, srv.URL) {
			t.Errorf("%s: got %+v", tt.path, out)
		}
		if tt.reason == "" && string(out.Commands[0].Stdout) != "from the archive" {
			t.Errorf("%s: got %+v", tt.path, out.Commands)
		}
	}
}

// A process that outlives its command, in a session of its own, doesn't outlive the request.
func TestNothingIsLeftRunning(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	out := run(t, shell("sleep 600 & echo $! >"+pid))
	if out.Status != errand.Completed || time.Since(start) > 5*time.Minute {
		t.Fatalf("got %+v", out)
	}
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", strings.TrimSpace(string(b)))); err == nil && !bytes.Contains(stat, []byte(") Z ")) {
		t.Errorf("still there: %s", stat)
	}
}

// platform is a Runtime API that has one event to give.
func platform(t *testing.T, event string) (host string, answers chan string) {
	t.Helper()
	answers = make(chan string, 2)
	asked := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost {
			answers <- r.URL.Path + " " + string(body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if asked {
			t.Error("asked for a second invocation")
		}
		asked = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		_, _ = w.Write([]byte(event))
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), answers
}

func TestOneInvocation(t *testing.T) {
	for event, want := range map[string]string{
		`{"commands":["echo hi"],"timeout":5}`: `/2018-06-01/runtime/invocation/request-1/response {"status":"completed","exitCode":0,`,
		`{"commands":5}`:                       `/2018-06-01/runtime/invocation/request-1/error {"errorType":"BadEvent",`,
	} {
		host, answers := platform(t, event)
		err := direct.Main(func(name string) string {
			if name == "AWS_LAMBDA_RUNTIME_API" {
				return host
			}
			return os.Getenv(name)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-answers; !strings.HasPrefix(got, want) || len(answers) > 0 {
			t.Errorf("%s: answered %s", event, got)
		}
	}
	if err := direct.Main(func(string) string { return "" }); err == nil {
		t.Error("ran without a platform")
	}
}

// written is a log as text, with the stream of each frame: "s$ true\n".
func written(t *testing.T, chunks ...[]byte) (text string, frames []errand.Frame) {
	t.Helper()
	for _, c := range chunks {
		some, err := errand.ParseFrames(c)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, some...)
	}
	end := int64(0)
	for _, f := range frames {
		if f.Offset != end {
			t.Errorf("a frame begins at %d, the one before ends at %d", f.Offset, end)
		}
		end = f.End()
		text += string(f.Stream) + string(f.Data)
	}
	return text, frames
}

func TestLogSaysHowEachCommandEnded(t *testing.T) {
	r := shell("echo a; exit 3", "echo b")
	r.ContinueOnError = true
	out := run(t, r)
	text, frames := written(t, out.Log.Tail)
	want := "s$ echo a; exit 3\noa\nserrand: exit code 3\ns$ echo b\nob\nserrand: exit code 0\n"
	if got := strings.ReplaceAll(text, "\n$ ", "\ns$ "); got != want { // lines of one stream may share a frame
		t.Errorf("the log is %q, want %q", text, want)
	}
	if frames[len(frames)-1].End() != out.Log.Bytes || out.Log.TailOffset != 0 {
		t.Errorf("got %+v", out.Log)
	}
}

// bucket takes the chunks of a log.
func bucket(t *testing.T) (grant *errand.WriteGrant, chunks chan []byte) {
	t.Helper()
	chunks = make(chan []byte, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, _, err := r.FormFile("file")
		if err != nil || !strings.HasPrefix(r.FormValue("key"), "logs/J/1/") || r.FormValue("policy") != "p" {
			t.Errorf("a form without what it must have: %v, %q", err, r.FormValue("key"))
			return
		}
		b, _ := io.ReadAll(f)
		chunks <- b
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	return &errand.WriteGrant{URL: srv.URL, Fields: map[string]string{"policy": "p"}, LogPrefix: "logs/J/1/"}, chunks
}

func TestLogIsSent(t *testing.T) {
	r := shell("echo first; head -c 100000 /dev/zero | tr '\\0' x; echo last >&2")
	var chunks chan []byte
	r.Write, chunks = bucket(t)
	out := run(t, r)
	text, _ := written(t, <-chunks, out.Log.Tail)
	if len(chunks) > 0 || !strings.HasPrefix(text, "s$ echo first") || strings.Count(text, "x") < 100_000 || out.Log.Bytes < 100_000 {
		t.Errorf("%d more chunks; %.30q…, %d bytes", len(chunks), text, out.Log.Bytes)
	}
	short := shell("echo short") // fits into the result
	short.Write = r.Write
	if run(t, short); len(chunks) > 0 {
		t.Error("a short log was sent")
	}
}

// A log that someone watches is sent while the command runs, in the order in which stdout
// and stderr came.
func TestLogIsSentLive(t *testing.T) {
	dir := t.TempDir()
	wait := func(name string) string {
		return "while ! test -e " + filepath.Join(dir, name) + "; do sleep 0.02; done"
	}
	r := shell("echo 1; " + wait("1") + "; echo 2 >&2; " + wait("2") + "; echo 3")
	r.Watched = true
	var chunks chan []byte
	r.Write, chunks = bucket(t)
	seen := make(chan []byte, 1)
	go func() {
		var all []byte
		for _, name := range []string{"1", "2"} {
			for !bytes.Contains(all, []byte("\n"+name+"\n")) {
				all = append(all, <-chunks...)
			}
			_ = os.WriteFile(filepath.Join(dir, name), nil, 0o600)
		}
		seen <- all
	}()
	out := run(t, r)
	all := <-seen
	for len(chunks) > 0 {
		all = append(all, <-chunks...)
	}
	if text, _ := written(t, all, out.Log.Tail); text != "s$ "+r.Commands[0].Shell+"\no1\ne2\no3\n" {
		t.Errorf("the log is %q", text)
	}
}
