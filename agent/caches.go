package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/meter"
	"github.com/errandhq/errand/internal/source"
)

// cacheTries is how often something is tried for a cache: the job goes on without.
const cacheTries = 3

func (t *attempt) cacheDirs() jobcache.Dirs {
	return jobcache.Dirs{Work: t.work, Home: t.host.Home}
}

// restoreCaches puts the job's caches in their places, and notes which of them are to be
// saved. It fails only if the attempt must end.
func (t *attempt) restoreCaches() error {
	for i := range t.Cache {
		c := &t.Cache[i]
		key, prefixes, err := jobcache.Keys(t.work, c)
		if err != nil {
			t.note("cache %s: not used: %v", c.Key, err)
			continue
		}
		if err = t.restoreCache(i, key, prefixes); t.workCtx.Err() != nil {
			return context.Cause(t.workCtx)
		}
		if err != nil {
			t.agent.Log.Warn("could not restore a cache", "job", t.JobID, "key", key, "err", err)
			t.note("cache %s: not restored: %v", jobcache.Title(key), err)
		}
	}
	return nil
}

func (t *attempt) restoreCache(i int, key string, prefixes []string) error {
	began := t.agent.Clock.Now()
	answer, err := t.askCache(t.workCtx, errand.CacheQuestion{Cache: i, Key: key, Prefixes: prefixes})
	if err != nil {
		return err
	}
	found := answer.Found
	if found == nil || found.Key != key {
		t.save = append(t.save, supervisor.SaveCache{Cache: i, Key: key})
	}
	if found == nil || found.Source == nil {
		t.note("cache %s: there is none yet", jobcache.Title(key))
		return nil
	}
	if existing := jobcache.Existing(t.cacheDirs(), &t.Cache[i]); len(existing) == len(t.Cache[i].Paths) {
		t.note("cache %s: not needed, as %s exists", jobcache.Title(key), strings.Join(existing, ", "))
		return nil
	}
	done, err := t.fetchCache(&t.Cache[i], jobcache.Title(key), found.Source)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("cache %s: restored %s", jobcache.Title(key), jobcache.Contents(done.Files, done.Bytes))
	if found.Key != key {
		text += " from " + jobcache.Title(found.Key)
	}
	if took := t.agent.Clock.Now().Sub(began); took >= time.Second {
		text += fmt.Sprintf(" in %.0f s", took.Seconds())
	}
	if len(done.Kept) > 0 {
		text += "; kept as it is: " + strings.Join(done.Kept, ", ")
	}
	t.note("%s", text)
	return nil
}

// fetchCache fetches the packs that the worker doesn't have, and restores their content.
func (t *attempt) fetchCache(c *errand.Cache, title string, g *errand.SourceGrant) (jobcache.Restored, error) {
	f := t.fetcher()
	f.Tries = cacheTries
	if len(g.Packs) != len(g.Downloads) {
		return jobcache.Restored{}, errors.New("the server's answer lacks downloads")
	}
	quiet := f.Meter.Say(t.agent.Clock, "cache "+title+": fetching", t.noteLine)
	m, err := f.Open(t.workCtx, g, source.Target{Dir: t.work, Scratch: string(t.dir), Limits: t.agent.Limits, Cache: t.agent.packs})
	quiet()
	if err != nil {
		return jobcache.Restored{}, err
	}
	defer m.Close()
	m.CountReads(m.Bytes())
	defer f.Meter.Say(t.agent.Clock, "cache "+title+": unpacking", t.noteLine)()
	return jobcache.Restore(t.workCtx, t.cacheDirs(), c, m.Entries, m, t.agent.Limits)
}

// askCache asks the server about a cache, a few times.
func (t *attempt) askCache(ctx context.Context, q errand.CacheQuestion) (answer errand.CacheAnswer, err error) {
	r := &t.agent.registration
	for n := 1; ; n++ {
		err = r.call(ctx, 0, func(ctx context.Context, epoch int) (err error) {
			answer, err = r.client.AskCache(ctx, api.AskCache{WorkerID: r.id.WorkerID, Epoch: epoch, JobID: t.JobID, Attempt: t.Attempt, CacheQuestion: q})
			return err
		})
		after, temporary := api.Temporary(err)
		if err == nil || n == cacheTries || !temporary && !errors.Is(err, errReregistered) || t.agent.backOff(ctx, n, after) != nil {
			return answer, err
		}
	}
}

// sendCaches sends the caches that the job leaves, and keeps them on this worker. It gives
// up after a few tries.
func (t *attempt) sendCaches() {
	all := t.dir.Caches()
	if len(all) == 0 {
		return
	}
	ctx, stop := t.artifactsCtx()
	defer stop()
	for _, p := range all {
		var m meter.Meter
		title := jobcache.Title(p.Key)
		err := t.sending("cache "+title, &m, func() error { return t.sendCache(ctx, p, &m) })
		if ctx.Err() != nil {
			return
		}
		if err != nil && api.CodeOf(err) != errand.CodeStaleAttempt {
			t.agent.Log.Warn("could not send a cache", "job", t.JobID, "key", p.Key, "err", err)
			t.note("cache %s: not saved: %v", title, err)
		}
	}
}

func (t *attempt) sendCache(ctx context.Context, p *jobcache.Packed, m *meter.Meter) error {
	for n := 1; ; n++ {
		err := t.sendCacheOnce(ctx, p, m)
		if err == nil || n == cacheTries || errors.As(err, new(*localError)) || t.agent.backOff(ctx, n, 0) != nil {
			return err
		}
	}
}

func (t *attempt) sendCacheOnce(ctx context.Context, p *jobcache.Packed, m *meter.Meter) error {
	answer, err := t.askCache(ctx, errand.CacheQuestion{Cache: p.Cache, Key: p.Key, Uploads: p.Packs})
	if err != nil || answer.Found != nil {
		return err
	}
	if len(answer.Puts) != len(p.Packs) {
		return errors.New("the server's answer is not about the packs that it was asked for")
	}
	m.Start(p.PackBytes())
	for i, pack := range p.Packs { // the root last: it makes the cache
		if err := t.sendPack(ctx, answer.Puts[i], t.packPath(p, pack), pack.Size, m); err != nil {
			return err
		}
	}
	for _, pack := range p.Packs {
		if t.agent.packs == nil {
			break
		}
		if err := t.agent.packs.Adopt(t.Owner, pack.SHA256, t.packPath(p, pack)); err != nil {
			return &localError{err}
		}
	}
	return nil
}

// packPath is where the supervisor has written a pack.
func (t *attempt) packPath(p *jobcache.Packed, pack errand.Content) string {
	return filepath.Join(t.dir.CachePacks(p.Cache), filepath.Base(pack.SHA256))
}

func (t *attempt) sendPack(ctx context.Context, r errand.SignedRequest, path string, size int64, m *meter.Meter) error {
	f, err := os.Open(path)
	if err != nil {
		return &localError{err}
	}
	defer f.Close()
	_, err = putObject(ctx, t.agent.HTTP, r, f, size, m)
	return err
}
