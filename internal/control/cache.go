package control

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/errandhq/errand"
)

// Cache answers a worker that holds an attempt about a cache of its job. It reads and signs
// only what is of the job's owner, queue and paths, and of the worker's system.
// Errors: CodeStaleAttempt, CodeJobNotFound, CodeSuperseded, CodeInvalidField.
func (s *Service) Cache(ctx context.Context, c Caller, r Report, q errand.CacheQuestion) (errand.CacheAnswer, error) {
	if err := q.Validate(); err != nil {
		return errand.CacheAnswer{}, err
	}
	w, err := s.workerOf(ctx, c, r.WorkerID, r.Epoch)
	if err != nil {
		return errand.CacheAnswer{}, err
	}
	if !errand.ValidJobID(r.JobID) {
		return errand.CacheAnswer{}, errJobNotFound(r.JobID)
	}
	spec, state, err := s.Store.Job(ctx, r.JobID)
	if errors.Is(err, ErrNotFound) {
		return errand.CacheAnswer{}, errJobNotFound(r.JobID)
	}
	if err != nil {
		return errand.CacheAnswer{}, unavailable("read the job", err)
	}
	if st := state.Record(); !st.HeldBy(r.WorkerID, r.Attempt) || st.Status == errand.Pending || st.Reported() {
		return errand.CacheAnswer{}, errStale(r, st)
	}
	if q.Cache < 0 || q.Cache >= len(spec.Cache) {
		return errand.CacheAnswer{}, errand.InvalidField("cache", "the job has %d caches, counted from 0: there is no %d", len(spec.Cache), q.Cache)
	}
	b := &cacheBucket{Service: s, origin: c.Origin, owner: spec.Owner}
	b.prefix = errand.CachePrefix(spec.Owner, spec.Queue, spec.Cache[q.Cache].Scope(w.OS, w.Arch))
	if len(q.Uploads) > 0 {
		return b.save(ctx, q)
	}
	return b.find(ctx, q)
}

// cacheBucket is the caches of one owner, queue and scope.
type cacheBucket struct {
	*Service
	origin, owner, prefix string
}

// find finds the cache with the key or, for the first prefix that has some, the newest.
func (b *cacheBucket) find(ctx context.Context, q errand.CacheQuestion) (errand.CacheAnswer, error) {
	root, err := b.first(ctx, q.Key+"/")
	for i := 0; root == nil && err == nil && i < len(q.Prefixes); i++ {
		root, err = b.newest(ctx, q.Prefixes[i])
	}
	if root == nil || err != nil {
		return errand.CacheAnswer{}, err
	}
	g, err := b.grant(ctx, root)
	return errand.CacheAnswer{Found: g}, err
}

// first is the root that came first under the key: two jobs may have saved at once.
func (b *cacheBucket) first(ctx context.Context, key string) (*Blob, error) {
	return b.root(ctx, key, func(a, b time.Time) bool { return a.Before(b) })
}

func (b *cacheBucket) newest(ctx context.Context, prefix string) (*Blob, error) {
	return b.root(ctx, prefix, func(a, b time.Time) bool { return a.After(b) })
}

// maxCachePages bounds how many roots are listed: a thousand a page.
const maxCachePages = 5

// root is the root below a prefix that is before all others; nil: there is none.
func (b *cacheBucket) root(ctx context.Context, key string, before func(a, b time.Time) bool) (*Blob, error) {
	var found *Blob
	after := ""
	for range maxCachePages {
		page, err := b.Blobs.List(ctx, errand.CacheRootPrefix(b.prefix, key), after)
		if err != nil {
			return nil, unavailable("list the caches", err)
		}
		for i := range page {
			if found == nil || before(page[i].Modified, found.Modified) {
				found = &page[i]
			}
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].Key
	}
	return found, nil
}

// grant permits reading a cache: its root and the packs that were sent for it.
func (b *cacheBucket) grant(ctx context.Context, root *Blob) (*errand.CacheGrant, error) {
	key := path.Base(path.Dir(root.Key))
	packs, err := b.Blobs.List(ctx, errand.CachePackPrefix(b.prefix, key, path.Base(root.Key)), "")
	if err != nil {
		return nil, unavailable("list the packs of a cache", err)
	}
	packs = packs[:min(len(packs), errand.MaxPacks)]
	src := &errand.SourceGrant{Source: errand.Source{SHA256: path.Base(root.Key), Format: errand.FormatManifest, Size: root.Size}, Owner: b.owner}
	if src.Download, err = b.Blobs.SignGet(ctx, b.origin, root.Key, ""); err != nil {
		return nil, unavailable("sign the cache's address", err)
	}
	for _, p := range packs {
		get, err := b.Blobs.SignGet(ctx, b.origin, p.Key, "")
		if err != nil {
			return nil, unavailable("sign the cache's address", err)
		}
		src.Packs, src.Downloads, src.Size = append(src.Packs, path.Base(p.Key)), append(src.Downloads, get), src.Size+p.Size
	}
	return &errand.CacheGrant{Key: key, Source: src}, nil
}

// save permits sending a cache, unless there is one with the key.
func (b *cacheBucket) save(ctx context.Context, q errand.CacheQuestion) (errand.CacheAnswer, error) {
	root, err := b.first(ctx, q.Key+"/")
	if root != nil || err != nil {
		return errand.CacheAnswer{Found: &errand.CacheGrant{Key: q.Key}}, err
	}
	out := errand.CacheAnswer{Puts: make([]errand.SignedRequest, len(q.Uploads))}
	for i, u := range q.Uploads {
		last := len(q.Uploads) - 1
		at := errand.CachePackPrefix(b.prefix, q.Key, q.Uploads[last].SHA256)
		if i == last {
			at = errand.CacheRootPrefix(b.prefix, q.Key+"/")
		}
		if out.Puts[i], err = b.Blobs.SignPut(ctx, b.origin, at+u.SHA256, u.Size, u.SHA256); err != nil {
			return errand.CacheAnswer{}, unavailable("sign the cache's address", err)
		}
	}
	return out, nil
}
