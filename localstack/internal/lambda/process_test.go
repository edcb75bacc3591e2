//go:build unix

package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
)

// processFunction returns a function that runs this test binary in a mode.
func processFunction(t *testing.T, mode string) Function {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Function{
		Handler: "bootstrap", MemoryMB: 128,
		Environment: map[string]string{"TEST_FUNCTION": mode},
		Code:        Code{Command: []string{program}},
	}
}

func reportOf(t *testing.T, r Result) report {
	t.Helper()
	var out report
	if err := json.Unmarshal(r.Payload, &out); err != nil || r.FunctionError != "" {
		t.Fatalf("result %s %.300s: %v", r.FunctionError, r.Payload, err)
	}
	return out
}

// TestProcess: a process's environment, and that the process is kept warm.
func TestProcess(t *testing.T) {
	t.Setenv("SECRET_OF_THE_PARENT", "x")
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	s := testService(t, processFunction(t, "report"), func(c *Config) {
		c.Credentials = awswire.Credentials{AccessKeyID: "AK", SecretAccessKey: "SK"}
	})
	r, err := s.Invoke(t.Context(), InvokeInput{Function: "f", Payload: []byte(`{"n":1}`), ClientContext: `{"custom":{"a":"b"}}`})
	if err != nil {
		t.Fatal(err)
	}
	got := reportOf(t, r)
	if string(got.Event) != `{"n":1}` || got.RequestID == "" || got.ARN != s.byName["f"].ARN || got.Client["a"] != "b" {
		t.Errorf("report %+v", got)
	}
	if d := time.Until(got.Deadline); d < 10*time.Second || d > 20*time.Second {
		t.Errorf("deadline in %s, want just under 20 s", d)
	}
	if want := filepath.Dir(s.byName["f"].Code.Command[0]); got.Dir != want {
		t.Errorf("working directory %s, want %s", got.Dir, want)
	}
	want := []string{
		"AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API",
		"AWS_REGION", "HOME", "LAMBDA_TASK_ROOT", "LANG", "PATH", "TEST_FUNCTION", "TMPDIR", "_HANDLER",
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(got.Env)), func(n string) bool { return n == "_X_AMZN_TRACE_ID" }) // the runtime's own
	if !slices.Equal(names, want) {
		t.Errorf("environment %v\nwant %v", names, want)
	}
	if again := reportOf(t, invoke(t, s, "{}")); again.PID != got.PID || again.RequestID == got.RequestID {
		t.Errorf("second invocation: process %d, request %s; want the warm process %d and a new ID", again.PID, again.RequestID, got.PID)
	}
	s.Close()
	if err := syscall.Kill(got.PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after Close the process is there: %v", err)
	}
	if _, err := os.Stat(got.Env["HOME"]); !os.IsNotExist(err) {
		t.Errorf("after Close its directory is there: %v", err)
	}
}

// TestHomeDir: the directories that a killed server left are removed, and those of
// processes are created in their place.
func TestHomeDir(t *testing.T) {
	homes := filepath.Join(t.TempDir(), "functions")
	if err := os.MkdirAll(filepath.Join(homes, "lambda-1", "left"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := testService(t, processFunction(t, "report"), func(c *Config) { c.HomeDir = homes })
	if _, err := os.Stat(homes); !os.IsNotExist(err) {
		t.Errorf("after New the old directories are there: %v", err)
	}
	if got := reportOf(t, invoke(t, s, "{}")).Env["HOME"]; filepath.Dir(got) != homes {
		t.Errorf("home directory %s, want it in %s", got, homes)
	}
}

func TestProcessCredentials(t *testing.T) {
	f := processFunction(t, "report")
	f.Code.Credentials, f.Code.Path = true, "/opt/bin"
	f.Environment["AWS_ENDPOINT_URL"] = ""
	s := testService(t, f, func(c *Config) {
		c.Credentials, c.Endpoint = awswire.Credentials{AccessKeyID: "AK", SecretAccessKey: "SK"}, "http://127.0.0.1:4566"
	})
	env := reportOf(t, invoke(t, s, "{}")).Env
	for k, want := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "PATH": "/opt/bin",
	} {
		if env[k] != want {
			t.Errorf("%s=%q, want %q", k, env[k], want)
		}
	}
}

func TestProcessFailures(t *testing.T) {
	tests := []struct{ mode, typ, contains string }{
		{"fail", "errorString", "no luck"},
		{"panic", "string", "at the disco"},
		{"exit", "Runtime.ExitError", "exit status 7"},
		{"exit-at-once", "Runtime.ExitError", "exit status 3"},
		{"init-error", "Config", "no config"},
		{"large", "Function.ResponseSizeTooLarge", "6291556"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			s := testService(t, processFunction(t, tt.mode))
			for range 2 { // the next invocation gets a process too
				typ, message := failureOf(t, invoke(t, s, "{}"))
				if typ != tt.typ || !strings.Contains(message, tt.contains) {
					t.Errorf("error %q %q, want %q with %q", typ, message, tt.typ, tt.contains)
				}
			}
		})
	}
	t.Run("no program", func(t *testing.T) {
		f := Function{Code: Code{Command: []string{filepath.Join(t.TempDir(), "absent")}}}
		if typ, _ := failureOf(t, invoke(t, testService(t, f), "{}")); typ != "Runtime.InvalidEntrypoint" {
			t.Errorf("error %q", typ)
		}
	})
}

func TestProcessTimeout(t *testing.T) {
	f := processFunction(t, "hang")
	f.Timeout = 300 * time.Millisecond
	s := testService(t, f)
	typ, message := failureOf(t, invoke(t, s, "{}"))
	if typ != "Sandbox.Timedout" || !strings.Contains(message, "0.30 seconds") {
		t.Errorf("error %q %q", typ, message)
	}
}

// TestOneShot: each invocation has a process of its own. When the result arrives,
// the process and its children are gone.
func TestOneShot(t *testing.T) {
	f := processFunction(t, "report")
	f.Code.OneShot = true
	s := testService(t, f)
	seen := map[int]bool{}
	for range 3 {
		pid := reportOf(t, invoke(t, s, "{}")).PID
		if seen[pid] {
			t.Errorf("process %d served twice", pid)
		}
		seen[pid] = true
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is there after its answer: %v", pid, err)
		}
	}
}

// TestOrphansDie: the children of a process die with it, whether it exits or is
// killed for not exiting. The orphan holds a connection to the test, which ends when
// the orphan does.
func TestOrphansDie(t *testing.T) {
	for event, want := range map[string]string{`"exit"`: "Unhandled", `"stay"`: ""} {
		t.Run(event, func(t *testing.T) { testOrphan(t, event, want) })
	}
}

func testOrphan(t *testing.T, event, functionError string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	f := processFunction(t, "orphan")
	f.Code.OneShot = true
	f.Environment["TEST_ADDR"] = l.Addr().String()
	if r := invoke(t, testService(t, f), event); r.FunctionError != functionError {
		t.Fatalf("%q %s", r.FunctionError, r.Payload)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the orphan lives")
	}
}

// TestConcurrentProcesses: concurrent invocations have separate processes.
func TestConcurrentProcesses(t *testing.T) {
	s := testService(t, processFunction(t, "report"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	errs := []error{}
	for i := range 4 {
		wg.Go(func() {
			r, err := s.Invoke(t.Context(), InvokeInput{Function: "f", Payload: fmt.Appendf(nil, `{"n":%d}`, i)})
			var out report
			if err == nil {
				err = json.Unmarshal(r.Payload, &out)
			}
			if err == nil && string(out.Event) != fmt.Sprintf(`{"n":%d}`, i) {
				err = fmt.Errorf("call %d got the answer of %s", i, out.Event)
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// TestFrozen: between invocations a process and its children are stopped.
func TestFrozen(t *testing.T) {
	s := testService(t, processFunction(t, "report"))
	first := reportOf(t, invoke(t, s, "{}"))
	state := func() string {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", first.PID))
		if err != nil {
			t.Skipf("no /proc here: %v", err)
		}
		_, after, _ := strings.Cut(string(b), ") ")
		return after[:1]
	}
	limit := time.Now().Add(10 * time.Second)
	for state() != "T" {
		if time.Now().After(limit) {
			t.Fatalf("the process is in state %s, want T: stopped", state())
		}
		time.Sleep(time.Millisecond)
	}
	for range 3 { // each invocation continues it
		if again := reportOf(t, invoke(t, s, "{}")); again.PID != first.PID {
			t.Errorf("process %d served, want the warm one %d", again.PID, first.PID)
		}
	}
}

// TestIdleProcessEnds: a process is ended when it has been idle for idleTime since
// its last invocation.
func TestIdleProcessEnds(t *testing.T) {
	c := clock.NewManual(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	s := testService(t, processFunction(t, "report"), func(cfg *Config) { cfg.Clock = c })
	first := reportOf(t, invoke(t, s, "{}"))
	c.Advance(idleTime - time.Second)
	if again := reportOf(t, invoke(t, s, "{}")); again.PID != first.PID {
		t.Fatal("the process ended before its time")
	}
	c.Advance(idleTime - time.Second)
	if again := reportOf(t, invoke(t, s, "{}")); again.PID != first.PID {
		t.Error("its time wasn't counted from its last invocation")
	}
	p := s.byName["f"].runner.(*processes)
	p.mu.Lock()
	in := p.idle[0]
	p.mu.Unlock()
	c.Advance(idleTime)
	<-in.exited
	if again := reportOf(t, invoke(t, s, "{}")); again.PID == first.PID {
		t.Error("the process was to be ended")
	}
}

// TestAbandonedProcess: a process whose caller has gone ends, with what it holds; one
// whose caller's time is over runs on.
func TestAbandonedProcess(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := processFunction(t, "wait")
	f.Environment["TEST_ADDR"] = l.Addr().String()
	s := testService(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Invoke(ctx, InvokeInput{Function: "f", Payload: []byte("{}")})
		ended <- err
	}()
	conn, err := l.Accept() // the handler runs
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke: %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil { // until the process has ended
		t.Error("the process wrote")
	}
}
