package control

import (
	"sync"
	"time"

	"github.com/errandhq/errand"
)

const (
	// runningAge is how long a process goes by the state of a running job that it wrote:
	// until the worker's first heartbeat, which another process may get. Of any other job,
	// few write the state, and only now and then.
	runningAge = time.Second
	otherAge   = time.Minute
	// maxRecent bounds how many jobs are kept, times two, and maxRecentSpec the length of
	// their specs as JSON.
	maxRecent     = 1000
	maxRecentSpec = 4 << 10
)

// recentJobs are jobs as this process wrote their states last. Another process may have
// written them since. So they are good for a write on condition of their revision, and for
// what is final. The zero value is empty.
type recentJobs struct {
	mu         sync.Mutex
	young, old map[string]recentJob
}

type recentJob struct {
	spec  *errand.Spec // nil: not known. Requests share it, so nobody may change it
	state errand.State
	at    time.Time // when it was written
}

// keep keeps a state that was written at now. spec may be nil.
func (j *recentJobs) keep(spec *errand.Spec, st *errand.State, now time.Time) {
	id := st.Record().JobID
	j.mu.Lock()
	defer j.mu.Unlock()
	before, ok := j.find(id)
	if ok && before.state.Record().Rev > st.Record().Rev { // writes may end in another order
		return
	}
	if st.Record().Held { // who releases it may be another, and then its ticket is not to be dropped
		delete(j.young, id)
		delete(j.old, id)
		return
	}
	if spec == nil {
		spec = before.spec
	}
	if len(j.young) >= maxRecent {
		j.young, j.old = nil, j.young
	}
	if j.young == nil {
		j.young = map[string]recentJob{}
	}
	j.young[id] = recentJob{spec, *st, now}
}

func (j *recentJobs) find(id string) (recentJob, bool) {
	r, ok := j.young[id]
	if !ok {
		r, ok = j.old[id]
	}
	return r, ok
}

func (j *recentJobs) forget(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.young, id)
	delete(j.old, id)
}

// get returns a job whose state is likely to be the stored one, or nil. The spec may be nil.
func (j *recentJobs) get(id string, now time.Time) (*errand.Spec, *errand.State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.find(id)
	limit := otherAge
	if r.state.Record().Status == errand.Running {
		limit = runningAge
	}
	if age := now.Sub(r.at); !ok || age < 0 || age >= limit {
		return nil, nil
	}
	return r.spec, &r.state
}

// ended returns a job whose end this process wrote, if that is final, or nil.
func (j *recentJobs) ended(id string) (*errand.Spec, *errand.State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, _ := j.find(id)
	if st := r.state.Record(); r.spec == nil || !st.Reported() {
		return nil, nil
	}
	return r.spec, &r.state
}
