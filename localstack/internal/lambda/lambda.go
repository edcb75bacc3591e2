// https://docs.aws.amazon.com/lambda/latest/dg/lambda-invocation.html

// Package lambda runs functions as AWS Lambda does: the event and the output are
// JSON bytes, and Lambda's limits of size, time and concurrency apply. A function is
// a Go value in this process, or a program that uses the Lambda Runtime API.
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/gopool"
)

// Limits of Lambda.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	MaxRequestBytes  = 6 << 20          // of a synchronous invocation
	MaxResponseBytes = 6<<20 + 100      // Lambda's actual limit
	MaxEventBytes    = 1 << 20          // of an asynchronous invocation
	maxConcurrency   = 1000             // an account's default
	initTimeout      = 10 * time.Second // of a process, from its start to its first request for work
)

// Handler is a function in this process. It is aws-lambda-go's lambda.Handler.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Code is a function's code. Exactly one of New and Command is set.
type Code struct {
	// New creates the handler, with the function's environment. It is called at the
	// first invocation, and again if it failed, or for a cold start (Faults).
	New func(env map[string]string) (Handler, error)
	// Command starts a process that speaks the Lambda Runtime API: an absolute
	// path and arguments. Concurrent invocations get processes of their own.
	Command []string
	// Dir is the process's working directory; empty: that of the program.
	Dir string
	// Path is the process's PATH; empty: the system's standard directories.
	Path string
	// OneShot makes a process serve one invocation. If it doesn't exit after that,
	// it is killed, with its process group.
	OneShot bool
	// Credentials puts the stack's access key and endpoint into the
	// environment. Without it a function has none.
	Credentials bool
}

// Function is a function as the template declares it.
type Function struct {
	Name, ARN   string
	Handler     string // _HANDLER of a process
	Timeout     time.Duration
	MemoryMB    int
	Reserved    *int // reserved concurrency; nil: none is reserved
	Environment map[string]string
	Code        Code
}

// Config configures a Service.
type Config struct {
	Functions []Function
	Region    string
	// Credentials and Endpoint are for the sources that ask for credentials.
	Credentials awswire.Credentials
	Endpoint    string
	Clock       clock.Clock // for the retries of asynchronous invocations, and the end of idle processes
	// Concurrency is the account's limit of concurrent executions; 0: 1000. It
	// includes what functions reserve.
	Concurrency int
	// HomeDir is an absolute path of a directory for the home directories of processes.
	// New removes it: a server that was killed left its own there. Empty: the system's
	// temporary directory.
	HomeDir string
	// Leaked is called with the stack traces of goroutines that a function in this
	// process left running. Looking for them is slow; nil: nobody looks.
	Leaked func(function, stacks string)
	Faults Faults // nil: none
	// Logf logs the output of processes, and failures.
	Logf func(format string, args ...any)
}

// Result is the result of an invocation. If the function failed, FunctionError is
// "Unhandled" and Payload {"errorMessage", "errorType"}.
type Result struct {
	Payload       []byte
	FunctionError string
}

// Service runs functions. It is safe for concurrent use.
type Service struct {
	Config
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	byName map[string]*function

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // everything that runs for the service
	calls  gopool.Pool    // of functions in this process

	launcher launcher
}

// function is a Function with its runner.
type function struct {
	Function
	runner  runner
	running int // under Service.mu
}

// runner runs invocations of one function.
type runner interface {
	// start begins an invocation and returns at once. The result is sent on done,
	// which is buffered. release is called when the function has ended: before the
	// result is sent, so that the receiver can invoke again, or, after a timeout,
	// later. Then start calls Service.work.Done. abandon tells the function that
	// its caller has gone.
	start(c *invocation, release func()) (done <-chan Result, abandon func())
	close()
}

type invocation struct {
	id            string
	payload       []byte
	clientContext string // JSON
	done          chan Result
	abandoned     chan struct{} // closed when the caller has gone; nil: nobody looks
}

// errClosed is the cause of the end of functions' contexts when the stack closes.
var errClosed = errors.New("the stack is closing")

// New returns a Service. It starts nothing until a function is invoked.
// Errors: a function without a source, or with two.
func New(c Config) (*Service, error) {
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Concurrency == 0 {
		c.Concurrency = maxConcurrency
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	if c.Faults == nil {
		c.Faults = noFaults{}
	}
	s := &Service{Config: c, byName: make(map[string]*function, len(c.Functions))}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	for _, decl := range c.Functions {
		f := &function{Function: decl}
		switch src := decl.Code; {
		case src.New != nil && len(src.Command) == 0:
			f.runner = &inProcess{service: s, fn: f}
		case src.New == nil && len(src.Command) > 0:
			f.runner = newProcesses(s, f)
		default:
			return nil, errors.New("function " + decl.Name + ": the source must be either New or Command")
		}
		s.byName[decl.Name] = f
	}
	if c.HomeDir != "" {
		if err := os.RemoveAll(c.HomeDir); err != nil {
			s.Logf("lambda: remove the directories of earlier processes: %s", err)
		}
	}
	return s, nil
}

// InvokeInput is the input of Invoke.
type InvokeInput struct {
	Function      string // name
	Payload       []byte // JSON; empty is an empty object
	ClientContext string // JSON; only processes get it
}

// Invoke runs a function and waits for its result.
//
// If ctx is cancelled, a function in this process is cancelled, too, and a process is
// killed: on AWS, it would run on. After ctx's deadline both run on, as they do behind
// API Gateway.
// Errors: *awswire.Error ResourceNotFoundException, TooManyRequestsException,
// RequestTooLargeException, InvalidRequestContentException; ctx's.
func (s *Service) Invoke(ctx context.Context, c InvokeInput) (Result, error) {
	f, err := s.accept(c, MaxRequestBytes)
	if err != nil {
		return Result{}, err
	}
	release, err := s.acquire(f)
	if err != nil {
		return Result{}, err
	}
	if len(c.Payload) == 0 {
		c.Payload = []byte("{}")
	}
	inv := &invocation{id: awswire.RequestID(), payload: c.Payload, clientContext: c.ClientContext, done: make(chan Result, 1)}
	done, abandon := f.runner.start(inv, release)
	select {
	case r := <-done:
		return r, nil
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			abandon()
		}
		return Result{}, context.Cause(ctx)
	}
}

// Check returns the error that Invoke would return before running the function.
// Errors: as of Invoke.
func (s *Service) Check(c InvokeInput) error {
	_, err := s.accept(c, MaxRequestBytes)
	return err
}

// accept returns an invocation's function and checks the payload.
func (s *Service) accept(c InvokeInput, limit int) (*function, error) {
	f := s.byName[c.Function]
	if f == nil {
		return nil, awswire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: arn:aws:lambda:%s:%s:function:%s", s.Region, awswire.Account, c.Function)
	}
	if len(c.Payload) > limit {
		return nil, awswire.Errorf(http.StatusRequestEntityTooLarge, "RequestTooLargeException", "Request must be smaller than %d bytes for the InvokeFunction operation", limit)
	}
	if len(c.Payload) > 0 && !json.Valid(c.Payload) {
		return nil, awswire.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: the payload is not valid JSON")
	}
	return f, nil
}

// acquire takes one of the function's concurrent executions.
func (s *Service) acquire(f *function) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, awswire.Errorf(http.StatusInternalServerError, "ServiceException", "%s", errClosed)
	}
	reason := ""
	if f.Reserved != nil && f.running >= *f.Reserved {
		reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	} else if s.full(f) || s.Faults.Throttle() {
		reason = "ConcurrentInvocationLimitExceeded"
	}
	if reason != "" {
		e := awswire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		e.Fields = map[string]any{"Reason": reason}
		return nil, e
	}
	f.running++
	s.work.Add(1)
	return func() {
		s.mu.Lock()
		f.running--
		s.mu.Unlock()
	}, nil
}

// full reports whether no unreserved concurrency is left for f. What a function
// reserves is for that function only, used or not.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
func (s *Service) full(f *function) bool {
	if f.Reserved != nil {
		return false
	}
	left := s.Concurrency
	for _, other := range s.byName {
		if other.Reserved != nil {
			left -= *other.Reserved
		} else {
			left -= other.running
		}
	}
	return left <= 0
}

// Close cancels the functions in this process, kills the others, and waits for all.
// Closing again does nothing.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errClosed)
	for _, f := range s.byName {
		f.runner.close()
	}
	s.work.Wait()
	s.calls.Close()
	s.launcher.close()
}
