// Package localstack emulates SQS, DynamoDB, S3, Lambda and API Gateway in one
// process. It speaks AWS's wire protocols, keeps its state in one directory, and
// starts in milliseconds.
//
// With a SAM template it creates the template's resources, and serves its routes
// and schedules with functions that are Go values or programs. Without one it is
// a plain SQS, DynamoDB and S3, for example for a test:
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
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/httplimit"
	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/hostile"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/lambda"
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
	// FunctionCode is the code of a function: New or Command.
	FunctionCode = lambda.Code
)

// Account is the AWS account of everything in a stack.
const Account = awswire.Account

// ErrLocked is returned by Start if another process has the data directory open.
var ErrLocked = kv.ErrLocked

// NewManualClock returns a clock that is set to start and stands still.
func NewManualClock(start time.Time) *ManualClock { return clock.NewManual(start) }

// Config configures a stack. The zero value is an empty stack in memory.
type Config struct {
	// DataDir holds the state; it is created if needed. If DataDir is empty and FS
	// nil, the state is in memory, and lost with the stack.
	DataDir string
	// FS is the file system of DataDir; nil is the operating system's.
	FS vfs.FS
	// Clock is the time of the services: visibility, expiry, schedules. Nil is the
	// machine's. Presigned URLs and upload policies are checked against Clock, but
	// signatures in headers always against the machine's clock, which SDKs use.
	Clock Clock
	// NoSync acknowledges writes before they are on disk.
	NoSync bool
	// OldestGroupFirst makes FIFO queues deliver the available group whose first
	// message is oldest. AWS promises no order across groups; without this, as was
	// observed there, a group that was received from comes after the others when it
	// is available again.
	OldestGroupFirst bool
	// OpaqueETags gives objects whose sender gave their SHA-256 an ETag that is not an MD5, as S3
	// does for objects that are encrypted with SSE-KMS. A large PUT takes half of the CPU then.
	OpaqueETags bool

	// Template is the text of a SAM template; nil is an empty stack.
	Template   []byte
	Parameters map[string]string // of the template
	StackName  string            // AWS::StackName; empty is "local"
	Region     string            // empty is us-east-1
	// ResourcesOnly creates the template's tables, queues and buckets only, for
	// functions that run elsewhere.
	ResourcesOnly bool
	// Functions has the code of each of the template's functions, by logical ID or
	// by the last element of CodeUri. The logical ID takes precedence.
	Functions map[string]FunctionCode
	// Rates overrides the rates of schedules, by the same keys.
	Rates map[string]time.Duration
	// IntegrationTimeout overrides how long the API waits for a function (at most
	// 30 s, by the machine's clock); 0 keeps the template's.
	IntegrationTimeout time.Duration

	// Concurrency is the account's limit of concurrent executions; 0: 1000.
	Concurrency int
	// Leaked is called with the stack traces of goroutines that a function in this
	// process left running when it returned: on AWS they would be frozen. Looking
	// for them is slow, and meant for tests. Nil: nobody looks.
	Leaked func(function, stacks string)

	// Credentials is the access key that the AWS edge accepts. Empty: a random one,
	// kept in DataDir/aws-credentials.json.
	Credentials Credentials
	// NoAuth makes the AWS edge accept requests with any signature or none, except
	// those of web pages of other origins.
	NoAuth bool
	// Addr is the loopback address on which the AWS edge listens, for example
	// "127.0.0.1:0". Empty: it doesn't listen, and only RoundTripper reaches it.
	Addr string
	// AnyInterface allows an Addr that other machines can reach, without TLS: for
	// a container, which has a network of its own.
	AnyInterface bool
	// Connections is the limit of connections to Addr. Others wait until one ends or
	// isn't used. 0: a quarter of the process's open files, at most 4096.
	Connections int

	// Hostile makes the stack inject faults that AWS's documentation allows:
	// HostileProfile(seed), or another profile. Nil: none.
	Hostile *Hostile

	// Logf logs failures, among them the cause of each 5xx, and the output of
	// functions; nil drops them.
	Logf func(format string, args ...any)
}

// Stack is a running stack. It is safe for concurrent use.
type Stack struct {
	cfg      Config
	creds    Credentials
	endpoint string
	template *template.Template // empty without Config.Template

	store     *kv.Store
	failed    chan error // of one: why the store can't be written any more
	services  *services
	lambda    *lambda.Service
	gateways  []*gateway.Gateway // one per API of the template
	schedules []*schedule
	scheduler *engine.Background // runs the schedules
	usage     usage
	hostile   *hostile.Random

	signed    *awswire.Verifier       // signatures in headers, by the machine's clock
	presigned *awswire.Verifier       // presigned requests and policies, by Config.Clock
	handlers  map[string]http.Handler // of the services, without signature checks
	edge      http.Handler
	transport *transport
	server    *edgeServer // nil: not listening

	closing  sync.Once
	closeErr error
}

// Start opens the state, creates the template's resources that are missing, and
// starts the schedules. ctx bounds the start only.
// Errors: ErrLocked; those of the template and of the disk.
func Start(ctx context.Context, c Config) (_ *Stack, err error) {
	s := &Stack{cfg: withDefaults(c), template: &template.Template{}, services: &services{}, failed: make(chan error, 1)}
	s.transport = newTransport()
	s.scheduler = engine.NewBackground("schedule", engine.Config{Clock: s.cfg.Clock, Logf: s.cfg.Logf})
	s.openHostility()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start the stack: %w", err), s.Close())
		}
	}()
	for _, step := range []func(context.Context) error{
		s.openStore, s.listen, s.openCredentials, s.openServices, s.readTemplate, s.provision, s.openFunctions,
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

func (s *Stack) openStore(context.Context) (err error) {
	s.store, err = kv.Open(s.path("db"), kv.Options{
		FS: s.cfg.FS, NoSync: s.cfg.NoSync, Logf: s.cfg.Logf,
		Failed: func(err error) { s.failed <- err },
	})
	return err
}

// path is a path in the data directory.
func (s *Stack) path(name string) string { return kv.DurableFS(s.cfg.FS).PathJoin(s.cfg.DataDir, name) }

// openCredentials is called after openStore, whose lock excludes other stacks from
// the directory.
func (s *Stack) openCredentials(context.Context) (err error) {
	if s.creds = s.cfg.Credentials; s.creds == (Credentials{}) {
		s.creds, err = loadCredentials(kv.DurableFS(s.cfg.FS), s.cfg.DataDir)
	}
	accepted := []awswire.Credentials{s.creds}
	s.signed = awswire.NewVerifier(accepted, clock.Real())
	s.presigned = awswire.NewVerifier(accepted, s.cfg.Clock)
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

// Failed receives the reason when the state can't be written any more: the disk has
// failed. Reads may go on; to write, close the stack and start another one.
func (s *Stack) Failed() <-chan error { return s.failed }

// Close stops the functions, schedules and requests, waits for them and closes the
// state. Closing again does nothing. First stop the server that API is mounted in. If
// the disk is full in the middle of a write, Close gives up after some seconds, and
// what it waited for stays in memory until the process ends.
func (s *Stack) Close() error {
	s.closing.Do(func() {
		done := make(chan error, 1)
		go func() { done <- s.close() }()
		s.closeErr = s.waitClosed(done)
	})
	return s.closeErr
}

// closePatience is how long Close waits for a store that can't go on.
const closePatience = 5 * time.Second

func (s *Stack) waitClosed(done <-chan error) error {
	for {
		timer := time.NewTimer(closePatience)
		select {
		case err := <-done:
			timer.Stop()
			return err
		case <-timer.C:
		}
		if s.store == nil {
			continue
		}
		if err := s.store.Stalled(); err != nil {
			return fmt.Errorf("the state was not closed: %w", err)
		}
	}
}

func (s *Stack) close() error {
	s.transport.stop() // ends requests in progress, and so the functions that wait for them
	s.scheduler.Close()
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

// Endpoint is the base URL of the AWS edge. Without Config.Addr nothing listens
// there, and it works with RoundTripper only.
func (s *Stack) Endpoint() string { return s.endpoint }

// Region is the region that the template's resources are in.
func (s *Stack) Region() string { return s.cfg.Region }

// Credentials is the access key that the AWS edge accepts.
func (s *Stack) Credentials() Credentials { return s.creds }

// Outputs are the template's outputs.
func (s *Stack) Outputs() map[string]string { return s.template.Outputs }

// RoundTripper reaches the AWS edge in process, without a socket. Bodies stream in
// both directions, and the end of a request's context ends the handler's.
func (s *Stack) RoundTripper() http.RoundTripper { return s.transport }

// AWSConfig configures clients of aws-sdk-go-v2 with the stack's endpoint, region and
// credentials, and RoundTripper.
func (s *Stack) AWSConfig() aws.Config {
	return aws.Config{
		Region:       s.cfg.Region,
		BaseEndpoint: aws.String(s.endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(s.creds.AccessKeyID, s.creds.SecretAccessKey, ""),
		HTTPClient:   s.transport,
	}
}

// inProcessEndpoint has a port on which nothing can listen, and an IP address, so
// that SDKs put the bucket into the path.
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
	s.server.connections = httplimit.NewConnections(s.cfg.Connections)
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
	listener    net.Listener
	connections *httplimit.Connections
	server      *http.Server // nil until it serves
	done        chan struct{}
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
	e.server = &http.Server{Handler: h, ErrorLog: log.New(logWriter(logf), "", 0)}
	e.connections.Configure(e.server)
	go func() {
		defer close(e.done)
		_ = e.server.Serve(e.connections.Listen(e.listener)) // returns after close only
	}()
}

// logWriter passes what net/http logs, a line each, to a Logf.
type logWriter func(format string, args ...any)

func (logf logWriter) Write(line []byte) (int, error) {
	logf("%s", bytes.TrimSpace(line))
	return len(line), nil
}

// shutdownGrace is how long requests may go on after Close.
const shutdownGrace = time.Second

// close ends the long polls, then the requests and the listener.
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
