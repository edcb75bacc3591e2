package flow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
)

// TestScheduleYear simulates a year in three time zones, with two sweeps at once whose clocks
// jump by up to three minutes, and with 500 restarts in the middle of a sweep. Each run
// starts one job. ERRAND_SEED is the seed.
func TestScheduleYear(t *testing.T) {
	t.Parallel()
	y := &scheduleYear{world: newWorldOf(t, nil), rng: rand.New(rand.NewPCG(seedOf(t), 1)), jobs: map[string][]string{}}
	y.grantUser()
	begin := y.clock.Now()
	end := begin.AddDate(1, 0, 0)
	want := map[string][]string{}
	var times []time.Time
	for _, s := range []struct {
		zone, cron string
		minutes    []int // of the hour 2
	}{{"Europe/Berlin", "30 2 * * *", []int{30}}, {"America/New_York", "30 2 * * *", []int{30}}, {"Australia/Lord_Howe", "10,40 2 * * *", []int{10, 40}}} {
		name := fmt.Sprint("s", len(y.names))
		y.names = append(y.names, name)
		y.schedule(s.cron, func(sc *errand.Schedule) { sc.Name, sc.Zone = name, s.zone })
		for _, at := range runsOf(t, s.zone, s.minutes, begin, end) {
			want[name] = append(want[name], at.Format(time.RFC3339))
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := range y.sweeps {
		y.sweeps[i] = y.service(y.stack.AWSConfig())
	}
	for i, at := range times {
		y.moveTo(at.Add(-time.Duration(y.rng.IntN(240)) * time.Second))
		if i%2 == 0 {
			y.sweepBoth()
		}
		y.moveTo(at.Add(4 * time.Minute))
		if i%2 == 1 {
			y.killSweep()
		}
		y.sweepBoth()
		if i%16 == 0 {
			y.collect()
		}
	}
	y.clock.Advance(10 * time.Minute) // the last sweeps' clocks may have been before the claim that a killed one left
	y.sweepBoth()
	y.collect()
	for _, name := range y.names {
		if got := y.jobs[name]; !slices.Equal(got, want[name]) {
			t.Errorf("%s: %d runs started, want %d: %v", name, len(got), len(want[name]), differing(got, want[name]))
		}
	}
	if y.killed < 500 {
		t.Errorf("%d sweeps were killed", y.killed)
	}
	t.Logf("%d runs, %d sweeps killed", len(times), y.killed)
}

type scheduleYear struct {
	*world
	rng    *rand.Rand
	names  []string
	jobs   map[string][]string // by schedule, the times of their runs
	sweeps [2]*control.Service
	killed int
}

func (y *scheduleYear) moveTo(at time.Time) { y.clock.Advance(max(0, at.Sub(y.clock.Now()))) }

// sweepBoth sweeps with two processes at once, whose clocks are wrong by up to three minutes.
func (y *scheduleYear) sweepBoth() {
	var both sync.WaitGroup
	for _, svc := range y.sweeps {
		svc.Clock = skewed{y.clock, time.Duration(y.rng.IntN(360)-180) * time.Second}
		both.Go(func() {
			if _, err := svc.Sweep(y.ctx); err != nil {
				y.t.Error(err)
			}
		})
	}
	both.Wait()
}

// killSweep sweeps with a process that is killed, and replaced by another one.
func (y *scheduleYear) killSweep() {
	ctx, cancel := context.WithCancel(y.ctx)
	defer cancel()
	cfg := y.stack.AWSConfig()
	cfg.HTTPClient = &mortal{next: cfg.HTTPClient, calls: 4 + y.rng.IntN(9), sent: y.rng.IntN(2) == 0, kill: cancel}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	_, _ = y.service(cfg).Sweep(ctx)
	if ctx.Err() != nil {
		y.killed++
		y.sweeps[y.rng.IntN(2)] = y.service(y.stack.AWSConfig())
	}
}

// collect notes the jobs that are new, and cancels them, so that they are over.
func (y *scheduleYear) collect() {
	for _, name := range y.names {
		f := control.JobFilter{Schedule: errand.ScheduleKey{Owner: "ann", Name: name}, Limit: 40}
		page, err := y.svc.Jobs(y.ctx, y.user, f)
		if err != nil {
			y.t.Fatal(err)
		}
		slices.Reverse(page.Jobs)
		for _, j := range page.Jobs {
			if j.State.Status != errand.Pending {
				continue
			}
			y.jobs[name] = append(y.jobs[name], j.Spec.ScheduledAt.Format(time.RFC3339))
			if _, err := y.svc.Cancel(y.ctx, y.user, j.Spec.ID); err != nil {
				y.t.Fatal(err)
			}
		}
	}
}

// skewed is a clock that is wrong.
type skewed struct {
	clock.Clock
	by time.Duration
}

func (c skewed) Now() time.Time { return c.Clock.Now().Add(c.by) }

// mortal makes HTTP calls until its process is killed at one of them, before or after that
// has an effect.
type mortal struct {
	next aws.HTTPClient
	sent bool
	kill context.CancelFunc

	mu    sync.Mutex
	calls int // left
}

func (m *mortal) Do(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls--; m.calls >= 0 {
		return m.next.Do(r)
	}
	if m.calls == -1 && m.sent {
		if resp, err := m.next.Do(r); err == nil {
			resp.Body.Close()
		}
	}
	m.kill()
	return nil, errors.New("killed")
}

// runsOf finds by looking at each minute when clocks show these minutes of the hour 2 for
// the first time, or jump over them.
func runsOf(t *testing.T, zone string, minutes []int, begin, end time.Time) (all []time.Time) {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	wall := func(at time.Time) time.Time {
		l := at.In(loc)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	shown := wall(begin) // the latest minute that clocks have shown
	for at := begin.Add(time.Minute); !at.After(end); at = at.Add(time.Minute) {
		fires := false
		for now := wall(at); shown.Before(now); {
			shown = shown.Add(time.Minute)
			fires = fires || shown.Hour() == 2 && slices.Contains(minutes, shown.Minute())
		}
		if fires {
			all = append(all, at)
		}
	}
	return all
}

// differing are the first entries that only one list has.
func differing(got, want []string) (all []string) {
	for _, g := range got {
		if !slices.Contains(want, g) {
			all = append(all, "+"+g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			all = append(all, "-"+w)
		}
	}
	return all[:min(len(all), 5)]
}
