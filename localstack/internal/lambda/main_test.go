package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"
)

// TestMain is also the program of the tests' processes: the test binary,
// re-executed with TEST_FUNCTION in the environment that was built for it.
func TestMain(m *testing.M) {
	if mode := os.Getenv("TEST_FUNCTION"); mode != "" {
		functionMain(mode)
		return
	}
	goleak.VerifyTestMain(m)
}

// hostMain is a program with a service. When it prints, its function has responded
// and is frozen.
func hostMain() {
	program, _ := os.Executable()
	s, err := New(Config{Functions: []Function{{
		Name: "f", Handler: "bootstrap", MemoryMB: 128, Timeout: 20 * time.Second,
		Environment: map[string]string{"TEST_FUNCTION": "hold", "TEST_ADDR": os.Getenv("TEST_ADDR")},
		Code:        Code{Command: []string{program}},
	}}, Region: "us-east-1"})
	var r Result
	if err == nil {
		r, err = s.Invoke(context.Background(), InvokeInput{Function: "f", Payload: []byte("{}")})
	}
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(string(r.Payload)) // its process ID
	select {}
}

// report is the test process's result.
type report struct {
	PID       int
	Env       map[string]string
	Dir       string
	Event     json.RawMessage
	RequestID string
	ARN       string
	Deadline  time.Time
	Client    map[string]string
}

func functionMain(mode string) {
	switch mode {
	case "exit-at-once":
		os.Exit(3)
	case "init-error":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		_, _ = http.Post(url, "application/json", strings.NewReader(`{"errorMessage":"no config","errorType":"Config"}`))
		os.Exit(1)
	case "host":
		hostMain()
	case "child":
		conn, err := net.Dial("tcp", os.Getenv("TEST_ADDR"))
		fmt.Println("connected", err)
		time.Sleep(time.Hour)
		_ = conn.Close()
	}
	awslambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		fmt.Println("handling in mode", mode)
		return functionHandle(ctx, mode, event)
	})
}

func functionHandle(ctx context.Context, mode string, event json.RawMessage) (any, error) {
	switch mode {
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "large":
		return strings.Repeat("x", MaxResponseBytes), nil
	case "hold":
		_, err := net.Dial("tcp", os.Getenv("TEST_ADDR")) // open for as long as this process is there
		return os.Getpid(), err
	case "wait":
		conn, err := net.Dial("tcp", os.Getenv("TEST_ADDR"))
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		return nil, err
	case "orphan":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TEST_FUNCTION=child")
		cmd.Stderr = os.Stderr // keeps the pipe open
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = out.Read(make([]byte, 1))
		}
		if string(event) == `"exit"` {
			os.Exit(7)
		}
		return nil, err
	}
	r := report{PID: os.Getpid(), Env: map[string]string{}, Event: event}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		r.Env[k] = v
	}
	r.Dir, _ = os.Getwd()
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.RequestID, r.ARN, r.Client = lc.AwsRequestID, lc.InvokedFunctionArn, lc.ClientContext.Custom
	}
	r.Deadline, _ = ctx.Deadline()
	return r, nil
}

// testService returns a service with one function, f. It is closed when the test
// ends.
func testService(t *testing.T, f Function, change ...func(*Config)) *Service {
	t.Helper()
	f.Name, f.ARN = "f", "arn:aws:lambda:us-east-1:000000000000:function:f"
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second
	}
	c := Config{Functions: []Function{f}, Region: "us-east-1", Logf: t.Logf}
	for _, ch := range change {
		ch(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type handlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

func inProcessOf(h handlerFunc) Code {
	return Code{New: func(map[string]string) (Handler, error) { return h, nil }}
}

// failureOf decodes a result that must be an error.
func failureOf(t *testing.T, r Result) (typ, message string) {
	t.Helper()
	var e struct{ ErrorType, ErrorMessage string }
	if r.FunctionError != "Unhandled" {
		t.Fatalf("FunctionError %q (payload %.200s), want Unhandled", r.FunctionError, r.Payload)
	}
	if err := json.Unmarshal(r.Payload, &e); err != nil {
		t.Fatalf("payload %.200s: %v", r.Payload, err)
	}
	return e.ErrorType, e.ErrorMessage
}

func invoke(t *testing.T, s *Service, payload string) Result {
	t.Helper()
	r, err := s.Invoke(t.Context(), InvokeInput{Function: "f", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
