package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/process"
)

// program is this binary in a role.
func program(t *testing.T, role string) process.Program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Program{
		Argv: []string{exe}, Dir: t.TempDir(),
		Env:   []string{"PROCESS_TEST_ROLE=" + role, "PROCESS_TEST_NAME=" + t.Name(), "PATH=" + os.Getenv("PATH")},
		Grace: func(error) time.Duration { return 5 * time.Second },
	}
}

// line is a writer that says when the first whole line has come.
type line struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	once sync.Once
	came chan struct{}
}

func newLine() *line { return &line{came: make(chan struct{})} }

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.ContainsRune(p, '\n') {
		l.once.Do(func() { close(l.came) })
	}
	return l.buf.Write(p)
}

func (l *line) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestStreamsStayApart(t *testing.T) {
	t.Parallel()
	p := program(t, "streams")
	var out, errs bytes.Buffer
	p.Stdout, p.Stderr = &out, &errs
	exit, err := p.Run(t.Context())
	if err != nil || exit != (process.Exit{Code: 3}) {
		t.Fatalf("got %+v, %v", exit, err)
	}
	if out.String() != "out\xff\x00" || errs.String() != "err" {
		t.Errorf("stdout %q, stderr %q", out.String(), errs.String())
	}
}

func TestStdinIsAtItsEnd(t *testing.T) {
	t.Parallel()
	p := program(t, "stdin")
	var out bytes.Buffer
	p.Stdout = &out
	if _, err := p.Run(t.Context()); err != nil || out.String() != "0 <nil>" {
		t.Fatalf("the program read %q, %v", out.String(), err)
	}
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	p := program(t, "flood")
	var out bytes.Buffer
	p.Stdout = &out
	if _, err := p.Run(t.Context()); err != nil || out.Len() != 10<<20+1 {
		t.Fatalf("got %d bytes, %v", out.Len(), err)
	}
}

// cancelWhenReady runs p and ends its context with cause once it wrote a line.
func cancelWhenReady(t *testing.T, p process.Program, cause error) (process.Exit, string, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	out := newLine()
	p.Stdout = out
	go func() {
		<-out.came
		cancel(cause)
	}()
	exit, err := p.Run(ctx)
	return exit, out.String(), err
}

func TestCancelAsksFirst(t *testing.T) {
	t.Parallel()
	needConsole(t)
	cause := errors.New("enough")
	exit, out, err := cancelWhenReady(t, program(t, "polite"), cause)
	if !errors.Is(err, cause) || exit.Code != 7 {
		t.Fatalf("got %+v, %v", exit, err)
	}
	if !strings.HasSuffix(out, "bye\n") {
		t.Errorf("what it said at its end is lost: %q", out)
	}
}

func TestGraceOfZeroKillsAtOnce(t *testing.T) {
	t.Parallel()
	p := program(t, "polite")
	var asked error
	p.Grace = func(cause error) time.Duration { asked = cause; return 0 }
	cause := errors.New("the lease is over")
	exit, out, _ := cancelWhenReady(t, p, cause)
	if exit.Code == 7 || out != "ready\n" || !errors.Is(asked, cause) {
		t.Fatalf("got %+v for %v", exit, asked)
	}
}

func TestOrphanThatHoldsThePipe(t *testing.T) {
	t.Parallel()
	p := program(t, "orphan")
	p.PipeWait = 50 * time.Millisecond
	var out bytes.Buffer
	p.Stdout = &out
	start := time.Now()
	exit, err := p.Run(t.Context())
	if err != nil || exit.Code != 0 || !strings.HasPrefix(out.String(), "parent is done\n") {
		t.Fatalf("got %+v, %v, %q", exit, err, out.String())
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if n := process.KillStray("PROCESS_TEST_NAME=" + t.Name()); n != 0 {
		t.Errorf("%d processes of the group were left", n)
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]process.Program{
		"no such program":   {Argv: []string{"no-such-program-here"}, Dir: dir},
		"no such file":      {Argv: []string{"./missing"}, Dir: dir},
		"not executable":    {Argv: []string{plain}, Dir: dir},
		"no such directory": {Argv: []string{exe}, Dir: filepath.Join(dir, "missing")},
		"nothing":           {Dir: dir},
	} {
		exit, err := p.Run(t.Context())
		var start *process.StartError
		if !errors.As(err, &start) || exit.Code != -1 {
			t.Errorf("%s: got %+v, %v", name, exit, err)
		}
	}
}

// The program is looked up in the PATH that the command gets, and relative
// paths below its directory.
func TestLookUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tools", greeter), []byte(greeting), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []process.Program{
		{Argv: []string{"greet"}, Env: []string{"PATH=nowhere" + string(os.PathListSeparator) + filepath.Join(dir, "tools")}},
		{Argv: []string{"greet"}, Env: []string{"PATH=tools"}},
		{Argv: []string{"./tools/greet"}},
		{Argv: []string{"tools/greet"}},
	} {
		var out bytes.Buffer
		p.Dir, p.Stdout = dir, &out
		if _, err := p.Run(t.Context()); err != nil || strings.TrimSpace(out.String()) != "hello" {
			t.Errorf("%v %v: %q, %v", p.Argv, p.Env, out.String(), err)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestOutputThatCannotBeKept(t *testing.T) {
	t.Parallel()
	p := program(t, "sleep")
	p.Stdout = full{}
	_, err := p.Run(t.Context())
	var out *process.OutputError
	if !errors.As(err, &out) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
}

func TestContextThatIsOverStartsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("too late")
	cancel(cause)
	p := program(t, "streams")
	var out bytes.Buffer
	p.Stdout = &out
	if _, err := p.Run(ctx); !errors.Is(err, cause) || out.Len() != 0 {
		t.Fatalf("got %v, %q", err, out.String())
	}
}
