package control

import (
	"log/slog"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// Store stores the records. All reads are strongly consistent unless they say
// otherwise; all writes are durable when they return.
type Store interface {
	JobStore
	JobLister
	ActiveJobs
	DependentStore
	StateStore
	ResultStore
	DueRecords
	WorkerStore
	TokenStore
	SessionCodeStore
	QueueStore
	KindStore
	ScheduleStore
	GroupStore
}

// Queue holds tickets, and wakes workers that wait for them.
type Queue interface {
	TicketQueue
	Ringer
	QueueMaker
}

// Blobs gives access to archives, log chunks and artifacts. Clients transfer the
// bytes directly, with the permissions that Blobs signs.
type Blobs interface {
	Signer
	Renewer
	MultipartUploader
	ObjectReader
	ObjectRemover
}

// Config configures a Service.
type Config struct {
	Store  Store
	Queue  Queue
	Blobs  Blobs
	Direct Direct // nil: direct mode is off
	Timing errand.Timing
	Queues []string // the deployment's; people make others
	// Bell is the URL of the bell, where workers wait. A path is relative to the API.
	// Empty: workers wait in polls, or between them.
	Bell string
	// PageOrigin is where the page is served, scheme://host; "/": by the API's own server.
	// Empty: there is no page.
	PageOrigin string
	// Changes are shared by the Services of one process, so that a request that waits
	// in one hears of what another wrote. Nil: the Service has its own.
	Changes *Changes
	// Recheck is how often a held request looks for changes that another process
	// wrote. 0: a held heartbeat doesn't, and a held log request looks each 250 ms.
	Recheck time.Duration
	// Observe is called with each change of a job's status or attempt that was stored.
	// Nil: it is not.
	Observe func(before, after errand.StateRecord)
	// Assigned is called with each job that was assigned to a worker. Nil: it is not.
	Assigned func(*errand.Spec, errand.StateRecord)
	Clock    clock.Clock // nil: the machine's
	// NewID returns a new ULID for the time.
	NewID func(time.Time) string
	Log   *slog.Logger
}

// Service implements the use cases of the control plane. Each method is one request:
// it checks the caller and the input, and returns an *errand.Error for a fault of the
// caller. It has no state of its own.
type Service struct {
	Config
}

// NewService returns a Service. Nil members of c get their defaults.
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
	if c.Changes == nil {
		c.Changes = &Changes{}
	}
	s := &Service{c}
	s.Store = publishingStore{c.Store, c.Changes, s.now}
	return s
}

// now is the time in UTC, truncated to milliseconds like stored times.
func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
