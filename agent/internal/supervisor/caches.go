package supervisor

import (
	"errors"
	"fmt"
	"os"

	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/internal/meter"
)

// packCaches packs the caches that a job which succeeded leaves. The agent sends them.
// What can't be packed is only noted in the log.
func (a *attempt) packCaches(out *attemptdir.Outcome) {
	if len(a.Save) == 0 || a.spool == nil || out.Reason != "" || out.Result.ExitCode != 0 {
		return
	}
	defer a.supervisor.useAllProcessors()()
	ctx, cancel := a.afterCtx()
	defer cancel()
	stop := a.watchLog()
	defer stop()
	last := len(a.outputs) - 1
	var all []*jobcache.Packed
	for _, s := range a.Save {
		if s.Cache >= len(a.job.Cache) || ctx.Err() != nil {
			break
		}
		title := jobcache.Title(s.Key)
		dir := a.dir.CachePacks(s.Cache)
		began := a.supervisor.clock.Now()
		m := new(meter.Meter)
		quiet := m.Say(a.supervisor.clock, "cache "+title+": packing", a.sayLast)
		p, err := jobcache.Pack(ctx, a.Dirs, &a.job.Cache[s.Cache], dir, m)
		quiet()
		switch {
		case errors.Is(err, jobcache.ErrNothing):
			a.say(last, fmt.Sprintf("cache %s: nothing to save, as %v", title, err))
		case err != nil:
			a.say(last, fmt.Sprintf("cache %s: not saved: %v", title, err))
		default:
			p.Cache, p.Key = s.Cache, s.Key
			all = append(all, p)
			a.say(last, fmt.Sprintf("cache %s: saving %s", title, jobcache.Contents(p.Files, p.Bytes)+a.sayTook(began)))
			continue
		}
		_ = os.RemoveAll(dir) // goes with the attempt's directory at the latest
	}
	if len(all) == 0 {
		return
	}
	if err := a.dir.WriteCaches(all); err != nil {
		a.say(last, "caches: not saved: "+err.Error())
	}
}
