package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/errandhq/errand"
)

// MultipartUploader lets clients send large objects in parts.
type MultipartUploader interface {
	// BeginParts begins an upload of the object and returns its ID.
	BeginParts(ctx context.Context, key string) (uploadID string, err error)
	// SignPart permits PUTs of a part of exactly these bytes.
	SignPart(ctx context.Context, origin, key, uploadID string, number int, size int64, sha256 string) (errand.SignedRequest, error)
	// CompleteParts makes the object of all its parts. It may be repeated.
	// Errors: ErrNotFound, if there is no such upload; ErrConflict, if a part isn't there.
	CompleteParts(ctx context.Context, key, uploadID string, parts []errand.ArtifactPart) error
}

// SignArtifacts permits a worker to send contents of an attempt that it holds, in the
// order of all. Errors: CodeStaleAttempt, CodeJobNotFound, CodeSuperseded,
// CodeInvalidField.
func (s *Service) SignArtifacts(ctx context.Context, c Caller, r Report, all []errand.ArtifactUpload) ([]errand.ArtifactGrant, error) {
	if len(all) > errand.MaxArtifactUploads {
		return nil, errand.InvalidField("uploads", "uploads has %d entries; the limit is %d: ask for the others in another request", len(all), errand.MaxArtifactUploads)
	}
	for i := range all {
		if err := all[i].Validate(fmt.Sprintf("uploads[%d]", i)); err != nil {
			return nil, err
		}
	}
	if _, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch); err != nil {
		return nil, err
	}
	state, err := s.state(ctx, r.JobID)
	if err != nil {
		return nil, err
	}
	if st := state.Record(); !st.HeldBy(r.WorkerID, r.Attempt) {
		return nil, errStale(r, st)
	}
	out := make([]errand.ArtifactGrant, len(all))
	for i := range all {
		key := errand.ArtifactKey(r.JobID, r.Attempt, all[i].SHA256)
		if out[i], err = s.grantUpload(ctx, c, key, &all[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) grantUpload(ctx context.Context, c Caller, key string, u *errand.ArtifactUpload) (errand.ArtifactGrant, error) {
	switch {
	case u.Size <= errand.SinglePutBytes:
		put, err := s.Blobs.SignPut(ctx, c.Origin, key, u.Size, u.SHA256)
		if err != nil {
			return errand.ArtifactGrant{}, unavailable("sign the artifact's address", err)
		}
		return errand.ArtifactGrant{Put: &put}, nil
	case u.Complete:
		return errand.ArtifactGrant{Complete: true}, s.completeUpload(ctx, key, u)
	}
	out := errand.ArtifactGrant{UploadID: u.UploadID}
	if out.UploadID == "" {
		var err error
		if out.UploadID, err = s.Blobs.BeginParts(ctx, key); err != nil {
			return out, unavailable("begin the artifact's upload", err)
		}
	}
	for _, p := range u.Parts {
		part, err := s.Blobs.SignPart(ctx, c.Origin, key, u.UploadID, p.Number, u.PartSize(p.Number), p.SHA256)
		if err != nil {
			return out, unavailable("sign the artifact's address", err)
		}
		out.Parts = append(out.Parts, part)
	}
	return out, nil
}

// completeUpload completes an upload. If it is gone, an earlier request whose answer was
// lost may have completed it.
func (s *Service) completeUpload(ctx context.Context, key string, u *errand.ArtifactUpload) error {
	err := s.Blobs.CompleteParts(ctx, key, u.UploadID, u.Parts)
	switch {
	case errors.Is(err, ErrNotFound):
		blob, serr := s.Blobs.Stat(ctx, key)
		if serr == nil && blob.Size == u.Size {
			return nil
		}
		return errUploadGone(u)
	case errors.Is(err, ErrConflict):
		return errUploadGone(u)
	case err != nil:
		return unavailable("complete the artifact's upload", err)
	}
	return nil
}

func errUploadGone(u *errand.ArtifactUpload) error {
	return errand.Errorf(errand.CodeUploadGone, "the upload %.40s of %s has gone, or lacks a part: begin it again", u.UploadID, u.SHA256)
}

// ArtifactsRequest selects artifacts of a job.
type ArtifactsRequest struct {
	JobID   string
	Attempt int    // 0: the current one
	Path    string // a pattern; empty: all
	Offset  int    // Next of the page before
	Limit   int    // 1..200; 0: 100
}

// ArtifactsPage is a page of an attempt's artifacts, in the order of paths.
type ArtifactsPage struct {
	Attempt int
	Status  errand.Status     // of the job
	Sums    *errand.Artifacts // of the whole attempt; nil: it has none, or none yet
	Files   []ArtifactDownload
	Next    int // 0: that was the last
}

// An ArtifactDownload is a file, and how to get it.
type ArtifactDownload struct {
	errand.ArtifactFile
	Download *errand.SignedRequest // nil for a link
}

// Artifacts lists what an attempt gave back. Errors: CodeJobNotFound, CodeInvalidField.
func (s *Service) Artifacts(ctx context.Context, c Caller, r ArtifactsRequest) (ArtifactsPage, error) {
	var pattern *errand.Pattern
	if r.Path != "" {
		p, err := errand.ParsePattern(r.Path)
		if err != nil {
			return ArtifactsPage{}, errand.InvalidField("path", "path: %v", err)
		}
		pattern = &p
	}
	if r.Limit == 0 {
		r.Limit = 100
	}
	if err := errand.CheckRange("limit", r.Limit, 1, errand.MaxPage); err != nil {
		return ArtifactsPage{}, err
	}
	state, err := s.ownState(ctx, c, r.JobID)
	if err != nil {
		return ArtifactsPage{}, err
	}
	st := state.Record()
	if r.Attempt > st.Attempt || r.Attempt < 0 {
		return ArtifactsPage{}, errand.InvalidField("attempt", "job %s has no attempt %d; its latest is %d", st.JobID, r.Attempt, st.Attempt)
	}
	page := ArtifactsPage{Attempt: r.Attempt, Status: st.View(s.now()).Status}
	if page.Attempt == 0 {
		page.Attempt = st.Attempt
	}
	if page.Attempt == 0 {
		return page, nil
	}
	result, err := s.result(ctx, st, page.Attempt)
	if err != nil || result == nil || result.Artifacts == nil {
		return page, err
	}
	page.Sums = result.Artifacts
	return page, s.fillArtifacts(ctx, c, &page, r, pattern)
}

// fillArtifacts adds the files that the request selects.
func (s *Service) fillArtifacts(ctx context.Context, c Caller, page *ArtifactsPage, r ArtifactsRequest, pattern *errand.Pattern) error {
	if page.Sums.List == nil {
		return nil
	}
	list, err := s.artifactList(ctx, r.JobID, page.Attempt, *page.Sums.List)
	var bad *badListError
	if errors.As(err, &bad) {
		s.Log.WarnContext(ctx, "unusable list of artifacts", "job", r.JobID, "attempt", page.Attempt, "err", err)
		page.Sums = &errand.Artifacts{Missing: page.Sums.Missing}
		page.Sums.Fail(err)
		return nil
	}
	if err != nil {
		return err
	}
	seen := 0
	for i := range list.Files {
		f := &list.Files[i]
		if pattern != nil && !pattern.Match(f.Path) {
			continue
		}
		if seen++; seen <= r.Offset {
			continue
		}
		if len(page.Files) == r.Limit {
			page.Next = r.Offset + r.Limit
			break
		}
		page.Files = append(page.Files, ArtifactDownload{ArtifactFile: *f})
	}
	return s.signDownloads(ctx, c, r.JobID, page)
}

func (s *Service) signDownloads(ctx context.Context, c Caller, jobID string, page *ArtifactsPage) error {
	return signEach(len(page.Files), func(i int) error {
		f := &page.Files[i]
		if f.Link != "" {
			return nil
		}
		get, err := s.Blobs.SignGet(ctx, c.Origin, errand.ArtifactKey(jobID, page.Attempt, f.SHA256), path.Base(f.Path))
		f.Download = &get
		return err
	})
}

// artifactList reads the list of an attempt's artifacts, which its worker wrote. Errors: a
// badListError.
func (s *Service) artifactList(ctx context.Context, jobID string, attempt int, list errand.Content) (*errand.ArtifactList, error) {
	b, err := s.readObject(ctx, errand.ArtifactKey(jobID, attempt, list.SHA256), errand.MaxArtifactListBytes)
	if errors.Is(err, ErrNotFound) {
		return &errand.ArtifactList{}, nil // its time is over
	}
	if err != nil {
		return nil, unavailable("read the list of artifacts", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != list.SHA256 {
		return nil, &badListError{errors.New("it has another SHA-256 than the result says")}
	}
	l, err := errand.ParseArtifactList(b)
	if err != nil {
		return nil, &badListError{err}
	}
	return l, nil
}

// badListError: the worker wrote something that no agent of ours writes.
type badListError struct{ err error }

func (e *badListError) Error() string {
	return "the worker's list of artifacts is unusable: " + e.err.Error()
}

// objectReads is how often an object is read if the connection breaks in its body, which
// the SDK doesn't retry.
const objectReads = 3

// readObject reads up to limit bytes of an object. Errors: ErrNotFound.
func (s *Service) readObject(ctx context.Context, key string, limit int64) (b []byte, err error) {
	for range objectReads {
		var body io.ReadCloser
		if body, err = s.Blobs.Open(ctx, key); err != nil {
			return nil, err
		}
		b, err = io.ReadAll(io.LimitReader(body, limit))
		if err = errors.Join(err, body.Close()); err == nil || ctx.Err() != nil {
			break
		}
	}
	return b, err
}
