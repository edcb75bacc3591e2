package flow

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/errandhq/errand"
)

// TestOrder: 200 jobs, some in lanes, 4 workers at once. Each lane runs one at a
// time in the order of creation; jobs without a lane are given out oldest first.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	const jobs, workers = 200, 4
	created := map[string]int{}
	lane := map[string]string{}
	for i := range jobs {
		var change []func(*errand.Spec)
		if i%3 == 0 {
			change = append(change, group(fmt.Sprintf("lane-%d", i%5)))
		}
		job := w.create(change...)
		created[job.Spec.ID] = i
		lane[job.Spec.ID] = job.State.Lane
	}
	var mu sync.Mutex
	var given []string
	busy := map[string]string{} // lane → job
	var wg sync.WaitGroup
	for n := range workers {
		k := w.worker(fmt.Sprint(n))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				mu.Lock() // taking and noting are one step, so that the note has the order of the taking
				a, err := k.poll(fmt.Sprintf("p%d-%d", n, i))
				if a == nil || err != nil {
					done := len(given) == jobs
					mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					if done || err != nil {
						return
					}
					continue
				}
				given = append(given, a.JobID)
				if other := busy[lane[a.JobID]]; other != "" {
					t.Errorf("job %d runs beside job %d of its lane", created[a.JobID], created[other])
				}
				busy[lane[a.JobID]] = a.JobID
				mu.Unlock()
				k.beat(a)
				mu.Lock()
				delete(busy, lane[a.JobID])
				mu.Unlock()
				if _, err := k.submit(a, 0); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	checkOrder(t, given, created, lane)
}

func checkOrder(t *testing.T, given []string, created map[string]int, lane map[string]string) {
	t.Helper()
	if len(given) != len(created) {
		t.Fatalf("%d of %d jobs were given out", len(given), len(created))
	}
	last := map[string]int{}
	lastFree := -1
	for _, id := range given {
		n := created[id]
		if prev, ok := last[lane[id]]; ok && prev > n {
			t.Errorf("lane %s: job %d after job %d", lane[id], n, prev)
		}
		last[lane[id]] = n
		if lane[id] == id {
			if n < lastFree {
				t.Errorf("job %d was given out after job %d, which is younger", n, lastFree)
			}
			lastFree = n
		}
	}
}

// TestNoneWaitsForTheSweep: workers wait; 1,000 jobs come. Each is taken by a
// poll that was held, or by the next one, on a clock that stands still: no
// timer, and no sweep, can have helped.
func TestNoneWaitsForTheSweep(t *testing.T) {
	w := newWorld(t)
	const jobs, workers = 1000, 8
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	var mu sync.Mutex
	taken := map[string]bool{}
	var wg sync.WaitGroup
	for n := range workers {
		k := w.worker(fmt.Sprint(n))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				a, err := k.svc.TakeJob(ctx, k.caller, errand.TakeRequest{WorkerID: k.id, Epoch: k.epoch, PollID: fmt.Sprintf("p%d-%d", n, i), Wait: errand.MaxPollWait * 1e9})
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Error(err)
					stop()
					return
				}
				if a == nil {
					continue
				}
				if _, err := k.submit(a, 0); err != nil {
					t.Error(err)
				}
				mu.Lock()
				taken[a.JobID] = true
				if len(taken) == jobs {
					stop()
				}
				mu.Unlock()
			}
		}()
	}
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range jobs / 4 {
				spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
				if _, err := w.svc.CreateJob(w.ctx, w.user, spec, errand.CreateOptions{}); err != nil {
					t.Error(err)
					stop()
					return
				}
			}
		}()
	}
	wg.Wait()
	if len(taken) != jobs {
		t.Errorf("%d of %d jobs were taken", len(taken), jobs)
	}
}
