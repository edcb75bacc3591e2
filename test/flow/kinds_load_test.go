package flow

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

const (
	loadKinds   = 50
	loadWorkers = 20
)

// kindsLoad is many waiting jobs of many kinds, and workers of different labels.
type kindsLoad struct {
	*world
	mu      sync.Mutex
	jobs    map[string]*errand.Spec
	ran     map[string]*worker
	created map[string][]string // IDs of the jobs of each group, in order
	groups  map[string][]string // the same in the order in which they were given
	errs    []error
	workers []*worker
	records []*errand.Worker
}

// TestManyKinds: 50 kinds of jobs wait for 20 workers, 300 of them, or as many as
// ERRAND_KIND_JOBS says (make load-kinds: 100,000). Each job runs on a worker that
// satisfies it, none waits when all workers are idle, and groups are in order.
func TestManyKinds(t *testing.T) {
	t.Parallel()
	n := 300
	if s := os.Getenv("ERRAND_KIND_JOBS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	l := &kindsLoad{world: newWorldOf(t, nil), jobs: map[string]*errand.Spec{}, ran: map[string]*worker{}, groups: map[string][]string{}, created: map[string][]string{}}
	l.register()
	began, before := time.Now(), l.stack.Usage()
	l.createAll(n)
	t.Logf("%d jobs created in %v", n, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	created := l.stack.Usage()
	l.runAll()
	took := time.Since(began)
	t.Logf("run in %v, %.0f a second", took.Round(time.Millisecond), float64(len(l.ran))/took.Seconds())
	after := l.stack.Usage()
	for _, op := range slices.Sorted(maps.Keys(after)) {
		t.Logf("%-30s created %8d, run %8d; run: %.0f read units, %.0f write units", op, created[op].Calls-before[op].Calls,
			after[op].Calls-created[op].Calls, after[op].ReadUnits-created[op].ReadUnits, after[op].WriteUnits-created[op].WriteUnits)
	}
	l.check()
}

// register makes workers: the label zone is the worker's number, and each has some of the
// five values of gpu.
func (l *kindsLoad) register() {
	for i := range loadWorkers {
		k := l.labelled(fmt.Sprintf("w%d", i), "gpu", fmt.Sprint(i%5), "zone", fmt.Sprint(i), "cpus", fmt.Sprint(1+i))
		l.workers = append(l.workers, k)
		r, err := l.svc.Store.Worker(l.ctx, k.id)
		if err != nil {
			l.t.Fatal(err)
		}
		l.records = append(l.records, r)
	}
}

// kindOf is what the job of a number requires: one of 50 kinds, of which no worker
// satisfies the last.
func kindOf(i int) map[string]string {
	switch kind := i % loadKinds; {
	case kind < 5:
		return map[string]string{"gpu": fmt.Sprint(kind)}
	case kind < 25:
		return map[string]string{"zone": fmt.Sprint(kind - 5)}
	case kind < 45:
		return map[string]string{"cpus": fmt.Sprintf(">=%d", kind-24)}
	case kind < 49:
		return map[string]string{"gpu": "*", "cpus": fmt.Sprintf(">=%d", kind-44)}
	}
	return map[string]string{"gpu": "none"}
}

// mine are the numbers of the jobs that one of the creators makes: all of some kinds, so
// that the order of a group is known.
func mine(creator, creators, n int) (numbers []int) {
	for kind := creator; kind < loadKinds; kind += creators {
		for i := kind; i < n; i += loadKinds {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// createAll creates the jobs, a tenth of them in 50 groups of one kind each.
func (l *kindsLoad) createAll(n int) {
	const creators = 8
	var running sync.WaitGroup
	for c := range creators {
		running.Go(func() {
			for _, i := range mine(c, creators, n) {
				spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Requires: kindOf(i)}
				if (i/loadKinds)%10 == 0 {
					spec.Group = fmt.Sprintf("g%d", i%loadKinds)
				}
				job, err := l.svc.CreateJob(l.ctx, l.user, spec, control.CreateOptions{})
				l.mu.Lock()
				if err != nil {
					l.errs = append(l.errs, err)
				}
				l.jobs[job.Spec.ID] = &job.Spec
				if spec.Group != "" {
					l.created[spec.Group] = append(l.created[spec.Group], job.Spec.ID)
				}
				l.mu.Unlock()
			}
		})
	}
	running.Wait()
}

// runAll lets all workers take and finish jobs until none gets one.
func (l *kindsLoad) runAll() {
	for got := true; got; {
		got = false
		var running sync.WaitGroup
		for _, k := range l.workers {
			running.Go(func() {
				for l.runOne(k) {
					l.mu.Lock()
					got = true
					l.mu.Unlock()
				}
			})
		}
		running.Wait()
	}
}

func (l *kindsLoad) runOne(k *worker) bool {
	k.polls++
	out, err := l.svc.Sync(l.ctx, k.caller, control.SyncRequest{WorkerID: k.id, Epoch: k.epoch, PollID: fmt.Sprintf("%s-%d", k.id, k.polls), Count: 1})
	if err == nil && len(out.Attempts) > 0 {
		a := out.Attempts[0]
		l.mu.Lock()
		l.ran[a.JobID] = k
		if a.Group != "" {
			l.groups[a.Group] = append(l.groups[a.Group], a.JobID)
		}
		l.mu.Unlock()
		_, err = k.submit(a, 0)
	}
	if err != nil {
		l.mu.Lock()
		l.errs = append(l.errs, err)
		l.mu.Unlock()
	}
	return err == nil && len(out.Attempts) > 0
}

func (l *kindsLoad) check() {
	for _, err := range l.errs {
		l.t.Error(err)
	}
	for id, spec := range l.jobs {
		k := l.ran[id]
		able := slices.IndexFunc(l.records, func(r *errand.Worker) bool { return r.CanRun(spec) })
		switch {
		case k == nil && able >= 0:
			l.t.Errorf("job %s (%v, group %q) waits, and %s is idle", id, spec.Requires, spec.Group, l.records[able].ID)
		case k != nil && !l.records[slices.Index(l.workers, k)].CanRun(spec):
			l.t.Errorf("job %s (%v) ran on %s", id, spec.Requires, k.id)
		}
	}
	for name, ids := range l.groups {
		if !slices.Equal(ids, l.created[name]) {
			l.t.Errorf("group %s: ran %v, created %v", name, ids, l.created[name])
		}
	}
}
