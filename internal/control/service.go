package control

import (
	"log/slog"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// Store keeps the records. All reads are strongly consistent unless they say
// otherwise; all writes are durable when they return.
type Store interface {
	JobStore
	JobLister
	StateStore
	ResultStore
	DueJobs
	WorkerStore
	TokenStore
}

// Queue holds tickets, and rings the bells of workers that wait for some.
type Queue interface {
	TicketQueue
	Ringer
}

// Blobs keeps archives, log chunks and artifacts. Their bytes go to and from
// clients directly: what is made here are permissions.
type Blobs interface {
	Signer
	ObjectReader
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Queue  Queue
	Blobs  Blobs
	Direct Direct // nil: direct mode is off
	Timing errand.Timing
	Queues []string // that there are; the first is not special
	// Bells are the addresses of the queues' bells, by the queues' names; a path
	// alone is one of the API's host. Empty: workers wait in polls, or between them.
	Bells map[string]string
	Clock clock.Clock // nil: the machine's
	// NewID makes a ULID of the time.
	NewID func(time.Time) string
	Log   *slog.Logger
}

// Service is the control plane's use cases. Each method is one request: it
// checks who asks and what they ask, and answers with an *Error where the
// caller is at fault. It holds no state of its own.
type Service struct {
	Config
}

// NewService returns a Service; nil members of c that have a default get it.
func NewService(c Config) *Service {
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if len(c.Queues) == 0 {
		c.Queues = []string{errand.DefaultQueue}
	}
	return &Service{c}
}

// now is the time in UTC, to the millisecond that records keep.
func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
