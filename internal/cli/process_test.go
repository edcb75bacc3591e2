package cli

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A proc is errand in a process of its own.
type proc struct {
	t      testing.TB
	cmd    *exec.Cmd
	first  string // line of stdout, once launch returns
	line   chan string
	stdout lockedBuffer
	stderr lockedBuffer
	exited chan struct{}
}

// lockedBuffer can be written and read at the same time.
type lockedBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed at the next write; nil: nobody waits
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wait waits until text was written.
func (l *lockedBuffer) wait(t testing.TB, text string) {
	t.Helper()
	late := time.After(patient)
	for {
		l.mu.Lock()
		found := strings.Contains(l.b.String(), text)
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%q doesn't come", text)
		}
	}
}

// patient is the longest that a test waits for what should come.
const patient = 60 * time.Second

// launch starts errand and waits for the first line of its stdout.
func launch(t testing.TB, args ...string) *proc {
	t.Helper()
	p := start(t, args...)
	select {
	case p.first = <-p.line:
	case <-time.After(patient):
		t.Fatalf("errand %v says nothing on stdout", args)
	}
	return p
}

// start starts errand; the test's end kills it.
func start(t testing.TB, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, cmd: exec.Command(os.Args[0], args...), line: make(chan string, 1), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asErrand+"=1", "NO_COLOR=1", "GORACE=atexit_sleep_ms=0", "TMPDIR="+t.TempDir())
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		r := bufio.NewReader(out)
		s, _ := r.ReadString('\n')
		p.line <- strings.TrimSuffix(s, "\n")
		_, _ = io.Copy(&p.stdout, r)
		_ = p.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("errand %s\n%s", strings.Join(args, " "), p.stderr.String())
		}
	})
	return p
}

// wait waits for the process's end and returns its exit code.
func (p *proc) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patient):
		p.t.Fatal("the process doesn't end")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *proc) interrupt() {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("no signals to send")
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
}

// launchLocal starts errand local on any free port.
func launchLocal(t testing.TB, data string, args ...string) *proc {
	t.Helper()
	p := launch(t, append([]string{"local", "--addr", "127.0.0.1:0", "--data", data}, args...)...)
	if !strings.HasPrefix(p.first, "http") {
		p.wait()
		t.Fatalf("the first line is %q", p.first)
	}
	return p
}

// errandAt runs a client command in this process, against a local server.
func errandAt(t testing.TB, url, data string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	env := map[string]string{"ERRAND_SERVER": url, "ERRAND_TOKEN_FILE": filepath.Join(data, userTokenFile)}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs, lookup)
	return code, out.String(), errs.String()
}

// noEnv is an environment without variables.
func noEnv(string) (string, bool) { return "", false }
