package lambda

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
)

type customError struct{}

func (*customError) Error() string { return "custom" }

func TestInProcess(t *testing.T) {
	made := 0
	s := testService(t, Function{
		Environment: map[string]string{"TABLE": "jobs"}, MemoryMB: 256,
		Code: Code{New: func(env map[string]string) (Handler, error) {
			made++
			if env["TABLE"] != "jobs" || env["AWS_REGION"] != "us-east-1" || env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] != "256" {
				t.Errorf("environment %v", env)
			}
			if _, ok := env["AWS_ACCESS_KEY_ID"]; ok {
				t.Error("credentials in an environment that didn't ask for them")
			}
			return handlerFunc(func(ctx context.Context, p []byte) ([]byte, error) {
				lc, ok := lambdacontext.FromContext(ctx)
				if !ok || lc.AwsRequestID == "" || !strings.HasSuffix(lc.InvokedFunctionArn, ":function:f") {
					t.Errorf("lambdacontext %+v", lc)
				}
				if _, ok := ctx.Deadline(); !ok {
					t.Error("no deadline")
				}
				return append([]byte("got "), p...), nil
			}), nil
		}},
	})
	if made != 0 {
		t.Error("the handler was made before it was needed")
	}
	for _, in := range []string{`{"a":1}`, ``} {
		want := "got " + in
		if in == "" {
			want = "got {}"
		}
		if r := invoke(t, s, in); string(r.Payload) != want || r.FunctionError != "" {
			t.Errorf("result %s %q, want %s", r.Payload, r.FunctionError, want)
		}
	}
	if made != 1 {
		t.Errorf("the handler was made %d times, want once", made)
	}
}

func TestInProcessErrors(t *testing.T) {
	tests := []struct {
		name          string
		handler       handlerFunc
		typ, contains string
	}{
		{"error", func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") }, "errorString", "no"},
		{"typed error", func(context.Context, []byte) ([]byte, error) { return nil, &customError{} }, "customError", "custom"},
		{"panic", func(context.Context, []byte) ([]byte, error) { panic("at the disco") }, "string", "at the disco"},
		{"nil dereference", func(context.Context, []byte) ([]byte, error) { var p *int; return nil, errors.New(string(rune(*p))) }, "errorString", "nil pointer"},
		{"goexit", func(context.Context, []byte) ([]byte, error) { runtime.Goexit(); return nil, nil }, "Runtime.ExitError", "ended its goroutine"},
		{"too large", func(context.Context, []byte) ([]byte, error) { return make([]byte, MaxResponseBytes+1), nil }, "Function.ResponseSizeTooLarge", "6291556"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testService(t, Function{Code: inProcessOf(tt.handler)})
			r := invoke(t, s, "{}")
			typ, message := failureOf(t, r)
			if typ != tt.typ || !strings.Contains(message, tt.contains) {
				t.Errorf("error %q %q, want %q with %q", typ, message, tt.typ, tt.contains)
			}
			if tt.name == "panic" && !strings.Contains(string(r.Payload), "TestInProcessErrors") {
				t.Errorf("the stack trace doesn't lead to the handler: %s", r.Payload)
			}
		})
	}
	t.Run("largest", func(t *testing.T) {
		s := testService(t, Function{Code: inProcessOf(func(context.Context, []byte) ([]byte, error) { return make([]byte, MaxResponseBytes), nil })})
		if r := invoke(t, s, "{}"); r.FunctionError != "" {
			t.Errorf("an answer of the largest size failed: %.200s", r.Payload)
		}
	})
}

// TestInitRetried: New is called again after it failed.
func TestInitRetried(t *testing.T) {
	tries := 0
	s := testService(t, Function{Code: Code{New: func(map[string]string) (Handler, error) {
		if tries++; tries == 1 {
			return nil, errors.New("not yet")
		}
		return handlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil }), nil
	}}})
	if _, message := failureOf(t, invoke(t, s, "{}")); message != "not yet" {
		t.Errorf("message %q", message)
	}
	if r := invoke(t, s, "{}"); string(r.Payload) != "1" {
		t.Errorf("second try: %s", r.Payload)
	}
}

// TestInProcessTimeout: the caller gets its result at the deadline. A handler that
// ignores its context keeps its slot, and Close waits for it.
func TestInProcessTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, release := 1, make(chan struct{})
		var returned atomic.Bool
		s, err := New(Config{Functions: []Function{{
			Name: "f", Timeout: 3 * time.Second, Reserved: &one,
			Code: inProcessOf(func(ctx context.Context, _ []byte) ([]byte, error) {
				<-ctx.Done()
				<-release
				returned.Store(true)
				return []byte("1"), nil
			}),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		typ, message := failureOf(t, invoke(t, s, "{}"))
		if typ != "Sandbox.Timedout" || !strings.Contains(message, "Task timed out after 3.00 seconds") || time.Since(start) != 3*time.Second {
			t.Errorf("error %q %q after %s", typ, message, time.Since(start))
		}
		if _, err := s.Invoke(t.Context(), InvokeInput{Function: "f"}); !isThrottle(err) {
			t.Errorf("while the handler still runs: %v, want TooManyRequestsException", err)
		}
		close(release)
		s.Close()
		if !returned.Load() {
			t.Error("Close didn't wait for the handler")
		}
	})
}

// TestCallerGone: a caller that cancels its context cancels the handler; one whose
// context's deadline passes doesn't.
func TestCallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type end struct{ err, cause error }
		ends := make(chan end, 1)
		s, err := New(Config{Functions: []Function{{
			Name: "f", Timeout: time.Minute,
			Code: inProcessOf(func(ctx context.Context, _ []byte) ([]byte, error) {
				select {
				case <-ctx.Done():
					ends <- end{ctx.Err(), context.Cause(ctx)}
				case <-time.After(10 * time.Second):
					ends <- end{}
				}
				return []byte("1"), nil
			}),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := s.Invoke(ctx, InvokeInput{Function: "f"}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled caller: %v", err)
		}
		if e := <-ends; !errors.Is(e.err, context.Canceled) || !errors.Is(e.cause, errAbandoned) {
			t.Errorf("handler of a cancelled caller saw %v (%v)", e.err, e.cause)
		}

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Invoke(ctx, InvokeInput{Function: "f"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient caller: %v", err)
		}
		if e := <-ends; e.err != nil {
			t.Errorf("handler of an impatient caller saw %v, want to run on", e.err)
		}
	})
}

func TestReservedConcurrency(t *testing.T) {
	none, two := 0, 2
	started, release := make(chan struct{}), make(chan struct{})
	s := testService(t, Function{Reserved: &two, Code: inProcessOf(func(context.Context, []byte) ([]byte, error) {
		started <- struct{}{}
		<-release
		return []byte("1"), nil
	})})
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := s.Invoke(context.Background(), InvokeInput{Function: "f"})
			results <- err
		}()
		<-started
	}
	_, err := s.Invoke(t.Context(), InvokeInput{Function: "f"})
	var e *awswire.Error
	if !errors.As(err, &e) || e.Status != 429 || e.Fields["Reason"] != "ReservedFunctionConcurrentInvocationLimitExceeded" {
		t.Errorf("third invocation: %v", err)
	}
	close(release)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	go func() { <-started }()
	if r := invoke(t, s, "{}"); string(r.Payload) != "1" {
		t.Errorf("after the others: %s", r.Payload)
	}
	// Once the caller has the result, the slot is free.
	one := 1
	quick := testService(t, Function{Reserved: &one, Code: inProcessOf(func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil })})
	for range 200 {
		invoke(t, quick, "{}")
	}
	off := testService(t, Function{Reserved: &none, Code: inProcessOf(nil)})
	if _, err := off.Invoke(t.Context(), InvokeInput{Function: "f"}); !isThrottle(err) {
		t.Errorf("reserved 0: %v, want TooManyRequestsException", err)
	}
}

func TestInvokeRefusals(t *testing.T) {
	s := testService(t, Function{Code: inProcessOf(func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil })})
	for _, tt := range []struct {
		call InvokeInput
		code string
	}{
		{InvokeInput{Function: "g"}, "ResourceNotFoundException"},
		{InvokeInput{Function: "f", Payload: []byte("{")}, "InvalidRequestContentException"},
		{InvokeInput{Function: "f", Payload: []byte(`"` + strings.Repeat("x", MaxRequestBytes-1) + `"`)}, "RequestTooLargeException"},
		{InvokeInput{Function: "f", Payload: []byte(`"` + strings.Repeat("x", MaxRequestBytes-2) + `"`)}, ""},
	} {
		_, err := s.Invoke(t.Context(), tt.call)
		var e *awswire.Error
		if errors.As(err, &e); (err == nil) != (tt.code == "") || e != nil && e.Code != tt.code {
			t.Errorf("%s (%d bytes): %v, want %q", tt.call.Function, len(tt.call.Payload), err, tt.code)
		}
	}
	s.Close()
	if _, err := s.Invoke(t.Context(), InvokeInput{Function: "f"}); err == nil {
		t.Error("a closed service ran a function")
	}
	s.Close()
}

// TestAsync: two retries after errors, one and two minutes later, by the
// injected clock.
func TestAsync(t *testing.T) {
	clk := clock.NewManual(time.Unix(1_800_000_000, 0))
	runs := make(chan time.Time)
	s := testService(t, Function{Code: inProcessOf(func(context.Context, []byte) ([]byte, error) {
		runs <- clk.Now()
		return nil, errors.New("no")
	})}, func(c *Config) { c.Clock = clk })
	if err := s.InvokeAsync(InvokeInput{Function: "f"}); err != nil {
		t.Fatal(err)
	}
	start := <-runs
	for _, want := range []time.Duration{time.Minute, 3 * time.Minute} {
		for { // until the retry has been set
			if d, ok := clk.Next(); ok {
				clk.Advance(d)
				break
			}
			runtime.Gosched()
		}
		if got := (<-runs).Sub(start); got != want {
			t.Errorf("retry after %s, want %s", got, want)
		}
	}
	s.Close() // waits for the loop: a fourth run would block it forever
	if err := s.InvokeAsync(InvokeInput{Function: "g"}); err == nil {
		t.Error("an unknown function was accepted")
	}
	if err := s.InvokeAsync(InvokeInput{Function: "f", Payload: []byte(`"` + strings.Repeat("x", MaxEventBytes) + `"`)}); err == nil {
		t.Error("an event over the limit was accepted")
	}
}
