package control

import (
	"context"

	"github.com/errandhq/errand"
)

// Signer permits clients to read and write objects. Origin is the caller's
// (Caller.Origin).
type Signer interface {
	// SignPut permits one PUT of exactly these bytes.
	SignPut(ctx context.Context, origin, key string, size int64, sha256 string) (errand.SignedRequest, error)
	// SignGet permits GETs of one object, as a download: with filename as its name,
	// unless that is empty, and without the headers that it was stored with.
	SignGet(ctx context.Context, origin, key, filename string) (errand.SignedRequest, error)
	// SignPost permits POSTs of objects below prefix, of ≤ maxBytes each.
	SignPost(ctx context.Context, origin, prefix string, maxBytes int64) (SignedPost, error)
}

// SignedPost is a form for S3 POST uploads: Fields, then key, then file.
type SignedPost struct {
	URL            string
	Fields         map[string]string
	ExpiresSeconds int
}

// assignment is the response for an attempt that is stored.
func (s *Service) assignment(ctx context.Context, c Caller, spec *errand.Spec, st errand.StateRecord) (*errand.Assignment, error) {
	a := &errand.Assignment{
		JobID: st.JobID, Attempt: st.Attempt, LeaseSeconds: seconds(s.Timing.ShortLease), FullLeaseSeconds: seconds(st.Lease),
		Retryable: st.Retryable(), Watched: s.now().Before(st.WatchedUntil),
		Owner: spec.Owner, Name: spec.Name, Commands: spec.Commands, Env: spec.Env, Shell: spec.Shell, TimeoutSeconds: spec.TimeoutSeconds,
		ContinueOnError: spec.ContinueOnError, Terminal: spec.Terminal, Artifacts: spec.Artifacts, Cache: spec.Cache, Workspace: spec.Workspace, Limits: spec.Limits, Queue: spec.Queue, Group: spec.Group,
		TraceParent: spec.TraceParent,
	}
	grant, err := s.writeGrant(ctx, c, st)
	if err != nil {
		return nil, err
	}
	a.Write = *grant
	if spec.Source != nil {
		a.Source, err = s.sourceGrant(ctx, c, spec)
	}
	return a, err
}

func (s *Service) sourceGrant(ctx context.Context, c Caller, spec *errand.Spec) (*errand.SourceGrant, error) {
	get, err := s.Blobs.SignGet(ctx, c.Origin, errand.UploadKey(spec.Owner, spec.Source.SHA256), "")
	if err != nil {
		return nil, unavailable("sign the source's address", err)
	}
	g := &errand.SourceGrant{Source: *spec.Source, Download: get, Owner: spec.Owner}
	for _, p := range spec.Source.Packs {
		get, err := s.Blobs.SignGet(ctx, c.Origin, errand.UploadKey(spec.Owner, p), "")
		if err != nil {
			return nil, unavailable("sign the source's address", err)
		}
		g.Downloads = append(g.Downloads, get)
	}
	return g, nil
}

// writeGrant permits the attempt to write its log.
func (s *Service) writeGrant(ctx context.Context, c Caller, st errand.StateRecord) (*errand.WriteGrant, error) {
	logs := errand.LogPrefix(st.JobID, st.Attempt)
	l, err := s.Blobs.SignPost(ctx, c.Origin, logs, errand.MaxLogChunkBytes)
	if err != nil {
		return nil, unavailable("sign the log's address", err)
	}
	return &errand.WriteGrant{
		URL: l.URL, Fields: l.Fields, LogPrefix: logs, MaxBytes: errand.MaxLogChunkBytes, ExpiresSeconds: l.ExpiresSeconds,
	}, nil
}
