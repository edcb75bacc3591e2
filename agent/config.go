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
	"github.com/errandhq/errand/internal/process"
)

// Config is what an agent is made of. Client and DataDir are needed; the rest
// has defaults.
type Config struct {
	Client  *api.Client // its token is an agent's, used to register
	DataDir string      // identity, and attempts under way; one agent at a time
	Name    string      // for people; empty: the host's name
	Slots   int         // jobs at a time; 0: 1
	Queues  []string    // to take from; empty: all that the token may use
	Version string

	HTTP   *http.Client   // for the storage: archives and logs; nil: http.DefaultClient
	Clock  Clock          // nil: the machine's
	Log    *slog.Logger   // nil: none
	Limits archive.Limits // of unpacked archives
	// Host is what jobs learn of the machine; zero: process.CurrentHost.
	Host    process.Host
	Backoff Backoff

	RequestTimeout time.Duration // of one API call, besides what a poll is held; 0: 30 s
	Grace          time.Duration // between asking a job's processes to end and killing them; 0: 10 s
	// PipeWait is how long processes that outlive their command may go on
	// writing to its output; 0: 2 s.
	PipeWait time.Duration
	// StopTimeout bounds what Cancel waits for reports to get through; those
	// that don't are made at the next start. 0: 10 s.
	StopTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Slots == 0 {
		c.Slots = 1
	}
	if c.Name == "" {
		c.Name, _ = os.Hostname()
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Host.Path == "" {
		c.Host = process.CurrentHost(os.Getenv)
	}
	c.Backoff = c.Backoff.withDefaults()
	for d, def := range map[*time.Duration]time.Duration{
		&c.RequestTimeout: 30 * time.Second, &c.Grace: process.DefaultGrace,
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
		return errors.New("the agent needs a client")
	case c.DataDir == "":
		return errors.New("the agent needs a data directory")
	case c.Slots < 1 || c.Slots > errand.MaxHolds:
		return fmt.Errorf("jobs at a time must be from 1 to %d, not %d", errand.MaxHolds, c.Slots)
	}
	return nil
}
