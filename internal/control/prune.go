package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// ObjectRemover removes objects.
type ObjectRemover interface {
	// Remove removes up to 1000 objects. Those that aren't there are no error.
	Remove(ctx context.Context, keys []string) error
}

// pruneGrace is for requests and indexes that lag behind: an upload is removed this long
// after it could be used last.
const pruneGrace = time.Hour

// Prune removes uploads that nothing can use any more, and what is older than r says; in a
// dry run, it only counts. It keeps what a job that has not ended may need.
// Errors: CodeInvalidField.
func (s *Service) Prune(ctx context.Context, r errand.Prune) (errand.Storage, error) {
	out := errand.Storage{DryRun: r.DryRun, Workers: []string{}}
	if err := r.Validate(); err != nil {
		return out, err
	}
	p := &pruner{Service: s, dryRun: r.DryRun}
	for _, kind := range []struct {
		name, prefix string
		isWaste      func(*Blob) (bool, error)
	}{
		{errand.StoredUploads, "uploads/", func(b *Blob) (bool, error) { return p.isUnusable(ctx, b) }},
		{errand.StoredLogs, "logs/", p.olderThan(ctx, r.LogDays)},
		{errand.StoredArtifacts, "artifacts/", p.olderThan(ctx, r.ArtifactDays)},
		{errand.StoredCaches, "caches/", p.olderThan(ctx, nil)},
	} {
		k := errand.StoredKind{Kind: kind.name}
		for after, more := "", true; more; {
			var err error
			if after, more, err = p.page(ctx, kind.prefix, after, &k, kind.isWaste); err != nil {
				return out, err
			}
		}
		out.Kinds = append(out.Kinds, k)
	}
	var err error
	out.Workers, err = p.workers(ctx, r.WorkerDays)
	return out, err
}

// PruneUploads removes uploads that nothing can use any more, among the next limit ones
// after a key. It returns the key to go on from; empty at the end.
func (s *Service) PruneUploads(ctx context.Context, after string, limit int) (k errand.StoredKind, next string, err error) {
	p := &pruner{Service: s}
	k.Kind = errand.StoredUploads
	for more := true; more; {
		after, more, err = p.page(ctx, "uploads/", after, &k, func(b *Blob) (bool, error) { return p.isUnusable(ctx, b) })
		if err != nil || k.Items >= limit && more {
			return k, after, err
		}
	}
	return k, "", nil
}

// pruner is one Prune.
type pruner struct {
	*Service
	dryRun bool
	active *activeJobs // nil: not read yet
}

// activeJobs are the jobs that have not ended, and what they and schedules need.
type activeJobs struct {
	ids     map[string]bool
	uploads map[string]bool // keys
	workers map[string]bool // IDs
}

// page looks at the next objects below prefix.
func (p *pruner) page(ctx context.Context, prefix, after string, k *errand.StoredKind, isWaste func(*Blob) (bool, error)) (next string, more bool, err error) {
	blobs, err := p.Blobs.List(ctx, prefix, after)
	if err != nil {
		return "", false, unavailable("list what is stored", err)
	}
	var waste []string
	for i := range blobs {
		isOne, err := isWaste(&blobs[i])
		if err != nil {
			return "", false, err
		}
		k.Count(blobs[i].Size, isOne)
		if isOne {
			waste = append(waste, blobs[i].Key)
		}
	}
	if len(waste) > 0 && !p.dryRun {
		if err := p.Blobs.Remove(ctx, waste); err != nil {
			return "", false, unavailable("remove what is not needed", err)
		}
	}
	if len(blobs) == 0 {
		return "", false, nil
	}
	return blobs[len(blobs)-1].Key, true, nil
}

// isUnusable reports whether no new job can name the upload, and no job needs it that has
// not ended. A job is run again as a new one.
func (p *pruner) isUnusable(ctx context.Context, b *Blob) (bool, error) {
	usedLast := b.Modified.Add(p.Timing.UploadLifetime - p.Timing.UploadMargin)
	if p.now().Before(usedLast.Add(pruneGrace)) {
		return false, nil
	}
	active, err := p.activeJobs(ctx)
	return err == nil && !active.uploads[b.Key], err
}

// olderThan reports of objects of jobs, whose keys are KIND/JOB/…, whether they are older
// than days, and the job has ended.
func (p *pruner) olderThan(ctx context.Context, days *int) func(*Blob) (bool, error) {
	before, ok := errand.Before(p.now(), days)
	return func(b *Blob) (bool, error) {
		if !ok || !b.Modified.Before(before) {
			return false, nil
		}
		active, err := p.activeJobs(ctx)
		parts := strings.SplitN(b.Key, "/", 3)
		return err == nil && len(parts) == 3 && !active.ids[parts[1]], err
	}
}

// workers forgets the workers that were not seen for so many days.
func (p *pruner) workers(ctx context.Context, days *int) ([]string, error) {
	forgotten := []string{}
	before, ok := errand.Before(p.now(), days)
	for cursor, more := "", ok; more; {
		page, next, err := p.Store.Workers(ctx, cursor, errand.MaxPage)
		if err != nil {
			return nil, unavailable("list the workers", err)
		}
		for i := range page {
			isOne, err := p.forget(ctx, &page[i], before)
			if err != nil {
				return nil, err
			}
			if isOne {
				forgotten = append(forgotten, page[i].ID)
			}
		}
		cursor, more = next, next != ""
	}
	return forgotten, nil
}

// forget forgets a worker, unless it was seen, may run a job, or a job is for it alone.
func (p *pruner) forget(ctx context.Context, w *errand.Worker, before time.Time) (bool, error) {
	if w.InUse(p.now()) || !w.LastSeen.Before(before) {
		return false, nil
	}
	active, err := p.activeJobs(ctx)
	if err != nil || active.workers[w.ID] {
		return false, err
	}
	if p.dryRun {
		return true, nil
	}
	err = p.Store.DeleteWorker(ctx, w)
	if errors.Is(err, ErrConflict) { // it came back
		return false, nil
	}
	if err != nil {
		return false, unavailable("forget a worker", err)
	}
	return true, nil
}

// activeJobs reads the jobs that have not ended, once. Those that are held are read first:
// they become active ones. Others are read twice: for a moment, a job that goes from one
// index to another may be in neither.
func (p *pruner) activeJobs(ctx context.Context) (*activeJobs, error) {
	if p.active != nil {
		return p.active, nil
	}
	a := &activeJobs{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	queues, err := p.queueNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, status := range []errand.Status{errand.Pending, errand.Running} {
		if err := p.addJobs(ctx, a, JobFilter{Status: status, Queues: queues, Limit: errand.MaxPage, Now: p.now()}); err != nil {
			return nil, err
		}
	}
	for _, q := range queues {
		ids, err := p.Store.ActiveJobs(ctx, q, "", maxActiveJobs)
		if err != nil {
			return nil, unavailable("list the jobs", err)
		}
		if len(ids) == maxActiveJobs {
			return nil, errand.Errorf(errand.CodeUnavailable, "the queue %s has too many jobs to find out what they need; try again when it has fewer than %d", q, maxActiveJobs)
		}
		jobs, err := p.Store.JobsOf(ctx, ids)
		if err != nil {
			return nil, unavailable("read the jobs", err)
		}
		for _, job := range jobs {
			a.add(&job)
		}
	}
	if err := p.addSchedules(ctx, a); err != nil {
		return nil, err
	}
	p.active = a
	return a, nil
}

// addJobs adds what the jobs of a list need.
func (p *pruner) addJobs(ctx context.Context, a *activeJobs, f JobFilter) error {
	for more := true; more; more = f.Cursor != "" {
		page, err := p.Store.Jobs(ctx, f)
		if err != nil {
			return unavailable("list the jobs", err)
		}
		for i := range page.Jobs {
			a.add(&page.Jobs[i])
		}
		f.Cursor = page.Next
	}
	return nil
}

// maxActiveJobs is how many jobs of a queue a Prune reads.
const maxActiveJobs = 200_000

// addSchedules adds what the jobs of schedules will need.
func (p *pruner) addSchedules(ctx context.Context, a *activeJobs) error {
	schedules, err := p.allSchedules(ctx, "")
	if err != nil {
		return err
	}
	for i := range schedules {
		spec := &schedules[i].Job
		a.workers[spec.Worker] = true
		a.addSource(schedules[i].Owner, spec.Source)
	}
	return nil
}

func (a *activeJobs) addSource(owner string, src *errand.Source) {
	if src == nil {
		return
	}
	for _, sha256 := range append([]string{src.SHA256}, src.Packs...) {
		a.uploads[errand.UploadKey(owner, sha256)] = true
	}
}

func (a *activeJobs) add(job *errand.Job) {
	id := job.Spec.ID
	if job.State.Status.Terminal() || a.ids[id] {
		return
	}
	a.ids[id] = true
	for _, w := range []string{job.Spec.Worker, job.State.WorkerID} {
		a.workers[w] = true
	}
	a.addSource(job.Spec.Owner, job.Spec.Source)
}
