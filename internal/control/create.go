package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// JobStore stores the specs of jobs and their first states.
type JobStore interface {
	// CreateJob writes spec and state, at once, and calls Saved. A job exists if both
	// do; after a failure in between CreateJob may be repeated.
	// Errors: ErrExists, if the job exists.
	CreateJob(ctx context.Context, spec *errand.Spec, state *errand.State) error
	// Job reads spec and state. Errors: ErrNotFound.
	Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error)
	// Claim binds an idempotency key to a job for 24 hours. If the key is bound
	// already, it returns that claim and ErrExists.
	Claim(ctx context.Context, c Claim) (Claim, error)
}

// Claim is what an idempotency key is bound to.
type Claim struct {
	Owner    string
	Route    string
	Key      string
	BodyHash string // SHA-256 hex of what was asked for
	JobID    string
}

// CreateOptions are the parts of a create request beside the job.
type CreateOptions struct {
	// Key is the idempotency key. If it is empty, each request creates a job.
	Key string
	// Watched says that the creator follows the log from the beginning.
	Watched bool
}

// CreateJob stores a job, then sends its ticket. When it returns, the job is durable,
// even if sending failed: the sweep sends the ticket again. A job of a group then has
// its place in the group's order. Requests with the same key create one job.
// Errors: CodeInvalidField, CodeForbidden, CodeSourceNotFound, CodeIdempotencyMismatch.
func (s *Service) CreateJob(ctx context.Context, c Caller, spec errand.Spec, o CreateOptions) (errand.Job, error) {
	spec.Owner = c.Owner
	if err := s.prepare(ctx, c, &spec, o.Key); err != nil {
		return errand.Job{}, err
	}
	now := s.now()
	spec.ID, spec.CreatedAt = s.NewID(now), now
	if o.Key != "" {
		id, err := s.claim(ctx, &spec, "jobs/create", o.Key)
		if err != nil {
			return errand.Job{}, err
		}
		if id != spec.ID {
			return s.repeated(ctx, &spec, id, o)
		}
	}
	return s.createJob(ctx, &spec, o)
}

// prepare fills in defaults and validates the request.
func (s *Service) prepare(ctx context.Context, c Caller, spec *errand.Spec, key string) error {
	spec.Normalise(s.Timing)
	if err := spec.Validate(); err != nil {
		return err
	}
	if key != "" && !errand.ValidIdempotencyKey(key) {
		return errand.InvalidField("Idempotency-Key", "the Idempotency-Key header must be 1 to 255 printable ASCII characters without spaces")
	}
	if err := s.checkQueue(ctx, c, "queue", spec.Queue); err != nil {
		return err
	}
	if err := s.bindWorker(ctx, c, spec); err != nil {
		return err
	}
	if least := 2 * s.Timing.Heartbeat; time.Duration(spec.LeaseSeconds)*time.Second < least {
		return errand.InvalidField("lease", "lease must be at least %d seconds: two of this server's heartbeats", seconds(least))
	}
	if n := len(specJSON(spec)); n > errand.MaxSpecBytes {
		return errand.InvalidField("commands", "the job is %d bytes long as JSON; the limit is %d: put scripts into the folder", n, errand.MaxSpecBytes)
	}
	if err := s.prepareHold(ctx, c, spec); err != nil {
		return err
	}
	if spec.Source == nil {
		return nil
	}
	return s.prepareSource(ctx, spec)
}

// bindWorker replaces the name of the worker that the job is for by its ID. Errors name
// only workers and queues that the caller sees in lists.
func (s *Service) bindWorker(ctx context.Context, c Caller, spec *errand.Spec) error {
	if spec.Worker == "" {
		return nil
	}
	w, err := s.findWorker(ctx, "worker", spec.Worker, c.seesWorker)
	if errand.CodeOf(err) == errand.CodeWorkerNotFound {
		return errand.InvalidField("worker", "there is no worker with the name or ID %q; errand workers lists all", spec.Worker)
	}
	if err != nil {
		return err
	}
	if !w.TakesFrom(spec.Queue) {
		return errand.InvalidField("worker", "the worker %s does not take jobs of the queue %s; its queues: %s", spec.Worker, spec.Queue, strings.Join(slices.DeleteFunc(slices.Clone(w.Queues), func(q string) bool { return !c.MayUse(q) }), ", "))
	}
	spec.Worker = w.ID
	return nil
}

// prepareSource checks that the source's uploads exist, and will until the job must have
// ended. Their keys are the owner's, so nobody can name those of another.
func (s *Service) prepareSource(ctx context.Context, spec *errand.Spec) error {
	source := *spec.Source
	sizes := make([]int64, 1+len(source.Packs))
	err := each(len(sizes), func(i int) (err error) {
		field, sha256 := "source.sha256", source.SHA256
		if i > 0 {
			field, sha256 = fmt.Sprintf("source.packs[%d]", i-1), source.Packs[i-1]
		}
		sizes[i], err = s.uploadSize(ctx, spec.Owner, field, sha256)
		return err
	})
	if err != nil {
		return err
	}
	source.Size = 0
	for _, n := range sizes {
		source.Size += n
	}
	spec.Source = &source
	return nil
}

// uploadSize is the size of an upload that is named by a field of the request.
func (s *Service) uploadSize(ctx context.Context, owner, field, sha256 string) (int64, error) {
	blob, err := s.Blobs.Stat(ctx, errand.UploadKey(owner, sha256))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, unavailable("look for the source", err)
	}
	if err != nil || !s.reusable(blob, sha256) {
		return 0, &errand.Error{Code: errand.CodeSourceNotFound, Field: field, Message: "no recent upload has this SHA-256; ask for one with POST /api/uploads, send the archive, and try again"}
	}
	return blob.Size, nil
}

// reusable reports whether an upload has the content that its key names and lives
// long enough.
func (s *Service) reusable(b Blob, sha256 string) bool {
	left := b.Modified.Add(s.Timing.UploadLifetime).Sub(s.now())
	return b.SHA256 == sha256 && left >= s.Timing.UploadMargin
}

func specJSON(spec *errand.Spec) []byte {
	b, _ := json.Marshal(spec) // of strings and numbers: can't fail
	return b
}

// claim binds the key to spec, or returns the job that it is bound to.
func (s *Service) claim(ctx context.Context, spec *errand.Spec, route, key string) (id string, err error) {
	asked := *spec
	asked.ID, asked.TraceParent, asked.CreatedAt = "", "", time.Time{}
	sum := sha256.Sum256(specJSON(&asked))
	mine := Claim{Owner: spec.Owner, Route: route, Key: key, BodyHash: hex.EncodeToString(sum[:]), JobID: spec.ID}
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

// repeated answers a repeated request, whose first copy bound the key to job id. It
// completes what the first left undone: the job or its ticket.
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
	defer s.Changes.recent.forget(id) // what is stored may be partly of the first request
	return s.createJob(ctx, spec, o)
}

func (s *Service) createJob(ctx context.Context, spec *errand.Spec, o CreateOptions) (errand.Job, error) {
	if err := s.placeJob(ctx, spec); err != nil {
		return errand.Job{}, err
	}
	state := errand.NewState(spec, s.Timing)
	if o.Watched {
		state.Watch(s.now(), s.Timing)
	}
	if err := s.addDependent(ctx, spec); err != nil {
		return errand.Job{}, err
	}
	err := s.Store.CreateJob(ctx, spec, state)
	if errors.Is(err, ErrExists) {
		return s.repeated(ctx, spec, spec.ID, o)
	}
	if err != nil {
		return errand.Job{}, unavailable("keep the job", err)
	}
	s.logChange(ctx, errand.StateRecord{}, state.Record())
	return s.sendFirst(ctx, spec, state)
}

// placeJob notes what the job requires, before the job can be found by it.
func (s *Service) placeJob(ctx context.Context, spec *errand.Spec) error {
	if spec.Group != "" {
		return s.joinGroup(ctx, spec)
	}
	if spec.Placed() {
		return s.addKind(ctx, spec.Queue, spec.Requirements(), false)
	}
	return nil
}

// sendFirst sends the ticket of a new job and returns the job. Repeated within five
// minutes, it is the same ticket. If sending fails, the sweep sends it, except for a
// job of a group: that fails, since the creator's next job must come after it.
func (s *Service) sendFirst(ctx context.Context, spec *errand.Spec, state *errand.State) (errand.Job, error) {
	st := state.Record()
	job := errand.Job{Spec: *spec, State: st}
	if st.Status != errand.Pending || st.Attempt > 0 {
		return job, nil
	}
	if st.Held {
		job.State = s.startHeld(ctx, spec, st)
		return job, nil
	}
	if st.Waiting { // it needs no ticket
		s.ringMany(ctx)
		return job, nil
	}
	err := s.Queue.Send(ctx, st.Queue, st.MessageGroupID, st.JobID, st.JobID)
	switch {
	case err == nil:
		s.ringFor(ctx, st.Queue)
	case spec.Group != "":
		return errand.Job{}, unavailable("send the ticket", err)
	default:
		s.Log.WarnContext(ctx, "ticket not sent; the sweep will", "job", st.JobID, "err", err)
	}
	return job, nil
}
