package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// JobStore keeps what a creator said of a job, and its first state.
type JobStore interface {
	// CreateJob writes spec and then state, so that a job with a state is
	// whole, and calls the state's Saved. Creating it again does no harm where it was left half done.
	// Errors: ErrExists, if the state is there.
	CreateJob(ctx context.Context, spec *errand.Spec, state *errand.State) error
	// Job reads spec and state. Errors: ErrNotFound.
	Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error)
	// Claim ties an idempotency key to a job, for 24 hours. If the key is tied
	// already, it returns what it was tied to, and ErrExists.
	Claim(ctx context.Context, c Claim) (Claim, error)
}

// Claim is an idempotency key's use.
type Claim struct {
	Owner    string
	Route    string
	Key      string
	BodyHash string // SHA-256 hex of what was asked for
	JobID    string
}

// CreateOptions are what a creator says beside the job itself.
type CreateOptions struct {
	// Key is the idempotency key; empty: each request makes a job.
	Key string
	// Watched: the creator reads the log as it grows, from the beginning.
	Watched bool
}

// CreateJob records a job and then sends its ticket. When it returns the job is
// durable, also where the ticket could not be sent: the sweep sends it again.
// A job of a group has its place in the group's order when it returns.
// The same key makes one job of a request and its repetitions.
// Errors: CodeInvalidField, CodeForbidden, CodeSourceNotFound, CodeIdempotencyMismatch.
func (s *Service) CreateJob(ctx context.Context, c Caller, spec errand.Spec, o CreateOptions) (errand.Job, error) {
	spec.Owner = c.Owner
	if err := s.prepare(ctx, c, &spec, o.Key); err != nil {
		return errand.Job{}, err
	}
	now := s.now()
	spec.ID, spec.CreatedAt = s.NewID(now), now
	if o.Key != "" {
		id, err := s.claim(ctx, &spec, o.Key)
		if err != nil {
			return errand.Job{}, err
		}
		if id != spec.ID {
			return s.repeated(ctx, &spec, id, o)
		}
	}
	return s.createJob(ctx, &spec, o)
}

// prepare fills in defaults and checks everything that a creator may say.
func (s *Service) prepare(ctx context.Context, c Caller, spec *errand.Spec, key string) error {
	spec.Normalise(s.Timing)
	if err := spec.Validate(); err != nil {
		return err
	}
	if key != "" && !errand.ValidIdempotencyKey(key) {
		return errand.InvalidField("Idempotency-Key", "the Idempotency-Key header must be 1 to 255 printable ASCII characters without spaces")
	}
	if !slices.Contains(s.Queues, spec.Queue) {
		return errand.InvalidField("queue", "there is no queue %q on this server; it has %q", spec.Queue, s.Queues)
	}
	if !c.MayUse(spec.Queue) {
		return &errand.Error{Code: errand.CodeForbidden, Field: "queue", Message: fmt.Sprintf("the token may not use the queue %q", spec.Queue)}
	}
	if least := 2 * s.Timing.Heartbeat; time.Duration(spec.LeaseSeconds)*time.Second < least {
		return errand.InvalidField("lease", "lease must be at least %d seconds: two of this server's heartbeats", seconds(least))
	}
	if n := len(specJSON(spec)); n > errand.MaxSpecBytes {
		return errand.InvalidField("commands", "the job is %d bytes long as JSON; the limit is %d: put scripts into the folder", n, errand.MaxSpecBytes)
	}
	if spec.Source == nil {
		return nil
	}
	return s.prepareSource(ctx, spec)
}

// prepareSource makes sure that the archive is there, and will be for as long
// as the job may wait and run.
func (s *Service) prepareSource(ctx context.Context, spec *errand.Spec) error {
	blob, err := s.Blobs.Stat(ctx, errand.UploadKey(spec.Owner, spec.Source.SHA256))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return unavailable("look for the source", err)
	}
	if err != nil || !s.reusable(blob, spec.Source.SHA256) {
		return &errand.Error{Code: errand.CodeSourceNotFound, Field: "source.sha256", Message: "no recent upload has this SHA-256; ask for one with POST /api/uploads, send the archive, and try again"}
	}
	source := *spec.Source
	source.Size = blob.Size
	spec.Source = &source
	return nil
}

// reusable reports whether an upload is what its key says and lives long enough.
func (s *Service) reusable(b Blob, sha256 string) bool {
	left := b.Modified.Add(s.Timing.UploadLifetime).Sub(s.now())
	return b.SHA256 == sha256 && left >= s.Timing.UploadMargin
}

func specJSON(spec *errand.Spec) []byte {
	b, _ := json.Marshal(spec) // of strings and numbers: can't fail
	return b
}

// claim ties the key to spec, or says which job it is tied to.
func (s *Service) claim(ctx context.Context, spec *errand.Spec, key string) (id string, err error) {
	asked := *spec
	asked.ID, asked.CreatedAt = "", time.Time{}
	sum := sha256.Sum256(specJSON(&asked))
	mine := Claim{Owner: spec.Owner, Route: "jobs/create", Key: key, BodyHash: hex.EncodeToString(sum[:]), JobID: spec.ID}
	held, err := s.Store.Claim(ctx, mine)
	switch {
	case err == nil:
		return spec.ID, nil
	case !errors.Is(err, ErrExists):
		return "", unavailable("keep the idempotency key", err)
	case held.BodyHash != mine.BodyHash:
		return "", &errand.Error{Code: errand.CodeIdempotencyMismatch, Field: "Idempotency-Key", Message: "this key was used with another body within 24 hours; use a new key for a new job"}
	}
	return held.JobID, nil
}

// repeated answers a request whose first copy claimed the key for job id. If
// the first was cut off before the job was whole, or before its ticket was sent,
// it is finished here.
func (s *Service) repeated(ctx context.Context, spec *errand.Spec, id string, o CreateOptions) (errand.Job, error) {
	old, state, err := s.Store.Job(ctx, id)
	if err == nil {
		if old.Group == "" && s.now().After(state.Record().CreatedAt.Add(s.Timing.ResendAfter)) {
			return errand.Job{Spec: *old, State: state.Record()}, nil // the sweep looks after its ticket
		}
		return s.sendFirst(ctx, old, state)
	}
	if !errors.Is(err, ErrNotFound) {
		return errand.Job{}, unavailable("read the job", err)
	}
	spec.ID = id
	return s.createJob(ctx, spec, o)
}

func (s *Service) createJob(ctx context.Context, spec *errand.Spec, o CreateOptions) (errand.Job, error) {
	state := errand.NewState(spec, s.Timing)
	if o.Watched {
		state.Watch(s.now(), s.Timing)
	}
	err := s.Store.CreateJob(ctx, spec, state)
	if errors.Is(err, ErrExists) {
		return s.repeated(ctx, spec, spec.ID, o)
	}
	if err != nil {
		return errand.Job{}, unavailable("keep the job", err)
	}
	return s.sendFirst(ctx, spec, state)
}

// sendFirst sends the ticket of a job that no worker has had, and answers with
// the job. Sent again soon after, it is the same ticket. Where it can't be sent,
// the sweep will; but a job of a group isn't answered for before: what its
// creator asks for next must stand behind it.
func (s *Service) sendFirst(ctx context.Context, spec *errand.Spec, state *errand.State) (errand.Job, error) {
	st := state.Record()
	job := errand.Job{Spec: *spec, State: st}
	if st.Status != errand.Pending || st.Attempt > 0 {
		return job, nil
	}
	err := s.Queue.Send(ctx, st.Queue, st.MessageGroupID, st.JobID, st.JobID)
	switch {
	case err == nil:
		s.ring(ctx, st.Queue)
	case spec.Group != "":
		return errand.Job{}, unavailable("send the ticket", err)
	default:
		s.Log.WarnContext(ctx, "ticket not sent; the sweep will", "job", st.JobID, "err", err)
	}
	return job, nil
}
