// Package localstack is an AWS of one's own, in one process: SQS, DynamoDB, S3,
// Lambda and API Gateway over their real wire protocols, durable in one
// directory, started in milliseconds. It knows nothing of who uses it.
//
// With a SAM template it provisions what the template names, and serves its
// routes and schedules with functions given as Go values or programs. Without
// one it is a plain SQS, DynamoDB and S3 for a test:
//
//	stack, err := localstack.Start(ctx, localstack.Config{})
//	…
//	client := sqs.NewFromConfig(stack.AWSConfig())
package localstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/hostile"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/lambda"
	"github.com/errandhq/errand/localstack/internal/template"
)

type (
	// Clock is the time source of a stack.
	Clock = clock.Clock
	// ManualClock is a Clock that a test moves by hand.
	ManualClock = clock.Manual
	// Credentials are an access key.
	Credentials = awswire.Credentials
	// Handler is a function in this process: aws-lambda-go's lambda.Handler.
	Handler = lambda.Handler
	// FunctionSource is where a function's code is: New or Command.
	FunctionSource = lambda.Source
)

// Account is the AWS account that everything in a stack belongs to.
const Account = awswire.Account

// ErrLocked is returned by Start if another process has the data directory open.
var ErrLocked = kv.ErrLocked

// NewManualClock returns a clock that stands at start.
func NewManualClock(start time.Time) *ManualClock { return clock.NewManual(start) }

// Config is what a stack is made of. The zero value is an empty stack in
// memory.
type Config struct {
	// DataDir holds the state; it is created if needed. Empty, with no FS
	// either: the state is in memory, and gone with the stack.
	DataDir string
	// FS holds DataDir; nil is the operating system's.
	FS vfs.FS
	// Clock drives the services: visibility, expiry, schedules. Nil is the
	// machine's. The times of signatures in headers are checked against the
	// machine's in any case, since SDKs take theirs from there; those of
	// presigned URLs and upload policies are checked against Clock.
	Clock Clock
	// NoSync answers writes before they are on disk.
	NoSync bool
	// OldestGroupFirst has SQS FIFO queues give out the available group whose
	// head is oldest. AWS promises no order across groups; without this, as was
	// observed there, a group that was received from stands behind the others
	// once it is available again.
	OldestGroupFirst bool

	// Template is a SAM template's text; nil is an empty stack.
	Template   []byte
	Parameters map[string]string // of the template
	StackName  string            // AWS::StackName; empty is "local"
	Region     string            // empty is us-east-1
	// ResourcesOnly leaves the template's functions, API and schedules out:
	// they run elsewhere, over what is provisioned here.
	ResourcesOnly bool
	// Functions are the template's functions' code, by the last element of
	// their CodeUri or by logical ID, which goes first. All must be there.
	Functions map[string]FunctionSource
	// Rates replace the rates of schedules, by the same keys.
	Rates map[string]time.Duration
	// IntegrationTimeout replaces the time (≤ 30 s, real) that the API waits
	// for a function; 0 keeps the template's.
	IntegrationTimeout time.Duration

	// Concurrency is how many functions may run at a time, as an account's limit
	// on AWS says; 0: 1000.
	Concurrency int
	// Leaked is called with the stacks of goroutines that a function in this
	// process left running when it had answered: on AWS they would stand still.
	// Nil: nobody looks. It is slow, and for tests.
	Leaked func(function, stacks string)

	// Credentials are what the AWS edge accepts; empty are random ones, kept in
	// DataDir/aws-credentials.json.
	Credentials Credentials
	// NoAuth lets the AWS edge accept requests with any signature or none. Web
	// pages of other origins stay refused.
	NoAuth bool
	// Addr is a loopback address where the AWS edge listens, "127.0.0.1:0";
	// empty: it doesn't, and is reached through RoundTripper alone.
	Addr string
	// AnyInterface lets Addr be one that other machines reach, without TLS: for
	// a container, whose network is its own.
	AnyInterface bool

	// Hostile has the stack do what AWS permits itself and emulators never do:
	// HostileProfile(seed), or a profile of one's own. Nil: it never does.
	Hostile *Hostile

	// Logf gets what goes wrong in the background and what functions print;
	// nil drops it.
	Logf func(format string, args ...any)
}

// Stack is a running stack. It is safe for concurrent use.
type Stack struct {
	cfg      Config
	creds    Credentials
	endpoint string
	template *template.Template // empty without Config.Template

	store     *kv.Store
	services  *services
	lambda    *lambda.Service
	gateways  []*gateway.Gateway // one for each API of the template
	schedules []*schedule
	usage     usage
	hostile   *hostile.Random

	signed    *awswire.Verifier       // signatures in headers, by the machine's clock
	presigned *awswire.Verifier       // presigned requests and policies, by Config.Clock
	handlers  map[string]http.Handler // of the services, without checks
	edge      http.Handler
	transport *transport
	server    *edgeServer // nil: not listening

	closing  sync.Once
	closeErr error
}

// Start opens the state, provisions what the template names and is missing,
// and starts the schedules. ctx bounds the start alone.
// Errors: ErrLocked; what the template says that can't be; the disk's.
func Start(ctx context.Context, c Config) (_ *Stack, err error) {
	s := &Stack{cfg: withDefaults(c), template: &template.Template{}, services: &services{}}
	s.transport = newTransport()
	s.openHostility()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start the stack: %w", err), s.Close())
		}
	}()
	for _, step := range []func(context.Context) error{
		s.openStoreAndListen, s.openCredentials, s.openServices, s.readTemplate, s.provision, s.openFunctions,
	} {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.handlers = s.services.handlers(s)
	s.edge = s.newEdge()
	s.transport.handler = s.edge
	s.startSchedules()
	s.server.serve(s.edge, s.cfg.Logf)
	return s, nil
}

func withDefaults(c Config) Config {
	if c.DataDir == "" {
		c.DataDir = "data"
		if c.FS == nil {
			c.FS = vfs.NewMem()
			c.NoSync = true
		}
	}
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.StackName == "" {
		c.StackName = "local"
	}
	if c.Region == "" {
		c.Region = awswire.DefaultRegion
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	return c
}

// openStoreAndListen does both at once: the store waits for the disk.
func (s *Stack) openStoreAndListen(ctx context.Context) error {
	opened := make(chan error, 1)
	go func() { opened <- s.openStore() }()
	listening := s.listen(ctx)
	if err := <-opened; err != nil {
		return err
	}
	return listening
}

func (s *Stack) openStore() (err error) {
	s.store, err = kv.Open(filepath.Join(s.cfg.DataDir, "db"), kv.Options{FS: s.cfg.FS, NoSync: s.cfg.NoSync, Logf: s.cfg.Logf})
	return err
}

// openCredentials comes after the store, whose lock makes this the only stack
// in the directory.
func (s *Stack) openCredentials(context.Context) (err error) {
	if s.creds = s.cfg.Credentials; s.creds == (Credentials{}) {
		s.creds, err = loadCredentials(kv.DurableFS(s.cfg.FS), s.cfg.DataDir)
	}
	accepted := []awswire.Credentials{s.creds}
	s.signed = awswire.NewVerifier(accepted, time.Now)
	s.presigned = awswire.NewVerifier(accepted, s.cfg.Clock.Now)
	return err
}

func (s *Stack) readTemplate(context.Context) (err error) {
	if s.cfg.Template == nil {
		return nil
	}
	s.template, err = template.Parse(s.cfg.Template, template.Options{
		Parameters: s.cfg.Parameters,
		StackName:  s.cfg.StackName,
		Region:     s.cfg.Region,
		Account:    Account,
		Endpoint:   s.endpoint,
	})
	if err == nil && s.cfg.ResourcesOnly {
		s.template.APIs, s.template.Functions = nil, nil
	}
	return err
}

// Close ends everything, waits for it and closes the state. Closing again does
// nothing. Requests to API handlers should be over by then: they belong to the
// server that they are mounted in.
func (s *Stack) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Stack) close() error {
	s.transport.stop() // in-flight calls end, so that functions waiting for them do
	for _, sch := range s.schedules {
		sch.stop()
	}
	if s.lambda != nil {
		s.lambda.Close()
	}
	errs := []error{s.server.close(s.services)}
	s.transport.wait()
	errs = append(errs, s.services.close())
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Endpoint is the base URL of the AWS edge. If the stack has no Addr, it works
// through RoundTripper alone: nothing listens there.
func (s *Stack) Endpoint() string { return s.endpoint }

// Region is the region that the template's resources are in.
func (s *Stack) Region() string { return s.cfg.Region }

// Credentials are what the AWS edge accepts.
func (s *Stack) Credentials() Credentials { return s.creds }

// Outputs are the template's outputs.
func (s *Stack) Outputs() map[string]string { return s.template.Outputs }

// RoundTripper reaches the AWS edge in process, without a socket. Bodies stream
// both ways, and the handler's context ends with the request's.
func (s *Stack) RoundTripper() http.RoundTripper { return s.transport }

// AWSConfig is for clients of aws-sdk-go-v2: this stack's endpoint, region and
// credentials, through RoundTripper.
func (s *Stack) AWSConfig() aws.Config {
	return aws.Config{
		Region:       s.cfg.Region,
		BaseEndpoint: aws.String(s.endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(s.creds.AccessKeyID, s.creds.SecretAccessKey, ""),
		HTTPClient:   &http.Client{Transport: s.transport},
	}
}

// inProcessEndpoint is where nothing can listen. It is an IP address, for which
// SDKs put the bucket into the path.
const inProcessEndpoint = "http://127.0.0.1:0"

func (s *Stack) listen(ctx context.Context) error {
	s.endpoint = inProcessEndpoint
	if s.cfg.Addr == "" {
		return nil
	}
	var err error
	if s.server, err = listenEdge(ctx, s.cfg.Addr, s.cfg.AnyInterface); err != nil {
		return err
	}
	at := s.server.listener.Addr().(*net.TCPAddr)
	host := at.IP.String()
	if at.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	s.endpoint = "http://" + net.JoinHostPort(host, strconv.Itoa(at.Port))
	return nil
}

// edgeServer is the AWS edge's own listener. A nil one does nothing.
type edgeServer struct {
	listener net.Listener
	server   *http.Server // nil until it serves
	done     chan struct{}
}

func listenEdge(ctx context.Context, addr string, anyInterface bool) (*edgeServer, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("the AWS edge's address: %w", err)
	}
	if ip := net.ParseIP(host); !anyInterface && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the AWS edge's address %s is not a loopback address", addr)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the AWS edge: %w", err)
	}
	return &edgeServer{listener: l, done: make(chan struct{})}, nil
}

func (e *edgeServer) serve(h http.Handler, logf func(format string, args ...any)) {
	if e == nil {
		return
	}
	e.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(logWriter(logf), "", 0)}
	go func() {
		defer close(e.done)
		_ = e.server.Serve(e.listener) // ends with close alone
	}()
}

// logWriter passes what net/http logs, a line each, to a Logf.
type logWriter func(format string, args ...any)

func (logf logWriter) Write(line []byte) (int, error) {
	logf("%s", bytes.TrimSpace(line))
	return len(line), nil
}

// shutdownGrace is how long requests may take to end after Close.
const shutdownGrace = time.Second

// close ends the listener. Long polls are ended first, by their engine.
func (e *edgeServer) close(polls *services) error {
	if e == nil {
		return nil
	}
	if e.server == nil {
		return e.listener.Close()
	}
	polls.endPolls()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := e.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = e.server.Close()
	}
	<-e.done
	return err
}
