package control

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/errandhq/errand"
)

// Store keeps the records. All reads are strongly consistent unless they say
// otherwise; all writes are durable when they return.
type Store interface {
	JobStore
	WorkerStore
	TokenStore
}

// JobStore keeps jobs: the spec, the state and the results of each.
type JobStore interface {
	// CreateJob writes spec and then state, so that a job with a state is
	// whole, and calls the state's Saved. Creating it again does no harm where it was left half done.
	// Errors: ErrExists, if the state is there.
	CreateJob(ctx context.Context, spec *errand.Spec, state *errand.State) error
	// Job reads spec and state. Errors: ErrNotFound.
	Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error)
	// State reads the state alone. Errors: ErrNotFound.
	State(ctx context.Context, id string) (*errand.State, error)
	// PutState writes the state that was made of the record's revision, as the
	// next one, and calls its Saved. Errors: ErrConflict, if another write came first.
	PutState(ctx context.Context, s *errand.State) error
	// PutResult keeps what an attempt reported; the same one again is fine.
	PutResult(ctx context.Context, jobID string, attempt int, r *errand.Result) error
	// Result reads it. Errors: ErrNotFound.
	Result(ctx context.Context, jobID string, attempt int) (*errand.Result, error)
	// Jobs lists jobs, newest first. It may lag behind by a second.
	Jobs(ctx context.Context, f JobFilter) (JobPage, error)
	// DueJobs calls f with the IDs of jobs whose DueAt is not after t, oldest
	// first within a shard, until f returns false. It may lag behind.
	DueJobs(ctx context.Context, t time.Time, f func(id string) bool) error
	// Claim ties an idempotency key to a job, for 24 hours. If the key is tied
	// already, it returns what it was tied to, and ErrExists.
	Claim(ctx context.Context, c Claim) (Claim, error)
}

// WorkerStore keeps workers.
type WorkerStore interface {
	// Worker reads a worker. Errors: ErrNotFound.
	Worker(ctx context.Context, id string) (*errand.Worker, error)
	// PutWorker writes the worker that was made of revision w.Rev (0: a new
	// one), as the next one, and sets w.Rev to it. Errors: ErrConflict.
	PutWorker(ctx context.Context, w *errand.Worker) error
	// Workers lists a page of workers, in no order, from cursor ("": the first)
	// on. It may lag behind.
	Workers(ctx context.Context, cursor string, limit int) (workers []errand.Worker, next string, err error)
}

// TokenStore keeps tokens.
type TokenStore interface {
	// Token reads a token by its hash. Errors: ErrNotFound.
	Token(ctx context.Context, hash string) (*errand.Token, error)
	// PutToken writes it, whether it was there or not.
	PutToken(ctx context.Context, t *errand.Token) error
}

// Claim is an idempotency key's use.
type Claim struct {
	Owner    string
	Route    string
	Key      string
	BodyHash string // SHA-256 hex of what was asked for
	JobID    string
}

// Queue holds tickets: one FIFO queue for each queue of jobs. A ticket that
// comes twice, late or never changes nothing but latency.
type Queue interface {
	// Send puts a ticket at the end of its lane. Tickets with one dedupID
	// within five minutes are one. Durable when it returns.
	Send(ctx context.Context, queue, lane, dedupID, jobID string) error
	// Receive takes the next ticket and hides it for hold. It waits up to wait
	// for one and returns nil if none came. The same attemptID within five
	// minutes gives the same ticket again, if nothing was done with it.
	// A ticket that can't be read is logged and deleted.
	Receive(ctx context.Context, queue, attemptID string, wait, hold time.Duration) (*Ticket, error)
	// Hide hides a received ticket for d from now on; 0 shows it again.
	Hide(ctx context.Context, queue, handle string, d time.Duration) error
	// Delete removes a received ticket.
	Delete(ctx context.Context, queue, handle string) error
	// Ring lets the queue's bell wake one worker, now or within a minute. It is
	// called for queues that Config.Bells has.
	Ring(ctx context.Context, queue string) error
}

// A Ticket says that a job may be due to be given out.
type Ticket struct {
	JobID  string
	Handle string // for Hide and Delete
}

// Blobs keeps archives, log chunks and artifacts. Their bytes go to and from
// clients directly: what is made here are permissions.
// Origin is the caller's (Caller.Origin).
type Blobs interface {
	// SignPut permits one PUT of exactly these bytes.
	SignPut(ctx context.Context, origin, key string, size int64, sha256 string) (errand.SignedRequest, error)
	// SignGet permits GETs of one object.
	SignGet(ctx context.Context, origin, key string) (errand.SignedRequest, error)
	// SignPost permits POSTs of objects below prefix, of ≤ maxBytes each.
	SignPost(ctx context.Context, origin, prefix string, maxBytes int64) (SignedPost, error)
	// Stat describes an object. Errors: ErrNotFound.
	Stat(ctx context.Context, key string) (Blob, error)
	// List lists ≤ 1000 objects below prefix in order of key, from the one after
	// the given key on.
	List(ctx context.Context, prefix, after string) ([]Blob, error)
	// Open reads an object. Errors: ErrNotFound.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// SignedPost is a form for S3 POST uploads: Fields, then key, then file.
type SignedPost struct {
	URL            string
	Fields         map[string]string
	ExpiresSeconds int
}

// Blob describes an object.
type Blob struct {
	Key      string
	Size     int64
	SHA256   string // lower-case hex; empty where it wasn't sent with one, and in lists
	Modified time.Time
}

// Direct runs commands now, in a process without credentials.
type Direct interface {
	// Run answers with the results. Errors: context.DeadlineExceeded, if the
	// function took too long; anything else is the platform's.
	Run(ctx context.Context, r errand.DirectRequest) (errand.DirectResult, error)
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
	// Now is the time, and After a timer that runs with it; nil: the machine's.
	Now   func() time.Time
	After func(d time.Duration) <-chan time.Time
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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
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
func (s *Service) now() time.Time { return s.Config.Now().UTC().Truncate(time.Millisecond) }

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
