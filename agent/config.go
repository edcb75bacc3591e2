package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
	"github.com/errandhq/errand/internal/tracing"
)

// Config is an agent's configuration. Client and DataDir are required.
type Config struct {
	Client  *api.Client       // with an agent token, to register
	DataDir string            // the worker's identity and attempts; used by one agent at a time
	Name    string            // shown to people; default: the host's name
	Slots   int               // jobs at a time; default: 1
	Queues  []string          // in the order in which it takes from them; default: all that the token may use
	Labels  map[string]string // facts that jobs may require, beside those that it measures
	Version string
	// WorkerID is the worker's ID; default: the one in DataDir, or else a random one.
	// An agent with an empty DataDir takes the ID of an offline worker.
	WorkerID string
	// HeartbeatInterval and PollInterval replace the server's if they are shorter.
	HeartbeatInterval, PollInterval time.Duration
	// FinishOnly makes the agent take no jobs: it goes on with those of an earlier process
	// on its data directory, and ends.
	FinishOnly bool
	// Supervisor is a program and arguments that call Supervise with the two arguments
	// that follow: the process that runs the commands of a slot's jobs, and outlives
	// the agent. Without one, this process runs them, and they end with it.
	Supervisor []string

	// CacheBytes is the most that packs may take which are kept in DataDir/cache for later jobs;
	// default: DefaultCacheBytes; negative: none are kept.
	CacheBytes int64

	Traces *tracing.Tracer // of attempts; nil: none

	// WorkspaceAge is for how long workspaces are kept that no job uses; default:
	// DefaultWorkspaceAge.
	WorkspaceAge time.Duration

	Registered func() // called after each registration with the server; default: nothing

	Environment Environment // of jobs' commands
	// MaxLimits are for each job, also for one that asks for none. They require control
	// groups.
	MaxLimits errand.Limits

	HTTP *http.Client // for archives and logs; default: http.DefaultClient
	// Clock times leases, intervals, timeouts and backoff; default: the
	// machine's. Limits on single HTTP requests and the grace of killed
	// processes are always in the machine's time.
	Clock   clock.Clock
	Log     *slog.Logger   // default: none
	Limits  archive.Limits // of unpacked archives
	Host    process.Host   // what jobs learn of the machine; default: process.CurrentHost
	Backoff backoff.Policy // default: 500 ms to 30 s

	RequestTimeout time.Duration // of one API call, beside the time that a poll is held; default: 10 s
	Grace          time.Duration // between terminating a job's processes and killing them; default: 10 s
	// PipeWait is how long processes that outlive their command may keep
	// writing to its output; default: 2 s.
	PipeWait time.Duration
	// StopTimeout is how long Cancel waits for reports; default: 10 s. The next
	// start sends the others.
	StopTimeout time.Duration
}

// DefaultCacheBytes is the default of Config.CacheBytes.
const DefaultCacheBytes = 10 << 30

func (c Config) withDefaults() Config {
	if c.CacheBytes == 0 {
		c.CacheBytes = DefaultCacheBytes
	}
	if c.Slots == 0 {
		c.Slots = 1
	}
	if c.Name == "" {
		c.Name, _ = os.Hostname()
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Registered == nil {
		c.Registered = func() {}
	}
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Host.Path == "" {
		c.Host = process.CurrentHost(os.Getenv)
	}
	for d, def := range map[*time.Duration]time.Duration{
		&c.WorkspaceAge: DefaultWorkspaceAge,
		&c.Backoff.Min:  500 * time.Millisecond, &c.Backoff.Max: 30 * time.Second,
		&c.RequestTimeout: 10 * time.Second, &c.Grace: process.DefaultGrace,
		&c.PipeWait: process.DefaultPipeWait, &c.StopTimeout: 10 * time.Second,
	} {
		if *d <= 0 {
			*d = def
		}
	}
	return c
}

func (c *Config) validate() error {
	switch {
	case c.Client == nil:
		return errors.New("an agent requires a client")
	case c.DataDir == "":
		return errors.New("an agent requires a data directory")
	case c.Slots < 1 || c.Slots > errand.MaxHolds:
		return fmt.Errorf("the number of jobs at a time must be from 1 to %d, not %d", errand.MaxHolds, c.Slots)
	}
	if c.WorkerID != "" && !errand.ValidWorkerID(c.WorkerID) {
		return fmt.Errorf("the worker's ID must match %s, got %q", errand.WorkerPattern, c.WorkerID)
	}
	return c.Environment.validate(c.Client.Token)
}
