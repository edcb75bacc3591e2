package control

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// ActiveJobs reads the jobs that are not over.
type ActiveJobs interface {
	// ActiveJobs lists the IDs of a queue's jobs that are not over and older than
	// before ("": all), oldest first, up to limit. It may lag behind by a second.
	ActiveJobs(ctx context.Context, queue, before string, limit int) ([]string, error)
	// States reads the states of jobs, by ID. Those that are gone are left out. It may
	// lag behind.
	States(ctx context.Context, ids []string) (map[string]errand.StateRecord, error)
	// JobsOf reads jobs without their results, as States does.
	JobsOf(ctx context.Context, ids []string) (map[string]errand.Job, error)
}

const (
	// maxTimeoutsRead is how many running jobs are read for the time at which a worker
	// is free.
	maxTimeoutsRead = 100
	// A held request looks again once other jobs have changed, but not more often than each
	// explainLeast, and each explainMost anyway: other processes change jobs, too.
	explainLeast = 2 * time.Second
	explainMost  = 5 * time.Second
	// explainInterval is how long callers wait between requests that are not held.
	explainInterval = 15 * time.Second
)

// ExplainRequest asks why a job waits.
type ExplainRequest struct {
	JobID string
	Wait  time.Duration // hold the answer until there is another one than State, at most this long
	State string        // of the explanation before
}

// Explain says why a job waits, or what became of it. Jobs of other owners are counted,
// and not named. Errors: CodeJobNotFound.
func (s *Service) Explain(ctx context.Context, c Caller, r ExplainRequest) (errand.Explanation, error) {
	deadline := s.now().Add(min(r.Wait, s.Timing.PollWait))
	for {
		ofJob, stopJob := s.Changes.subscribe(r.JobID)
		ofAny, stopAny := s.Changes.subscribe(anyJob)
		e, err := s.explainOnce(ctx, c, r.JobID)
		done := err != nil || r.State == "" || e.State != r.State || !s.now().Before(deadline)
		if !done {
			s.awaitExplanation(ctx, ofJob, ofAny, deadline)
		}
		stopJob()
		stopAny()
		if done || ctx.Err() != nil {
			return e, err
		}
	}
}

// awaitExplanation waits until it is worth looking again.
func (s *Service) awaitExplanation(ctx context.Context, ofJob, ofAny <-chan struct{}, deadline time.Time) {
	most, stop := clock.After(s.Clock, min(explainMost, deadline.Sub(s.now())))
	defer stop()
	least, stop := clock.After(s.Clock, explainLeast)
	defer stop()
	for range 2 {
		select {
		case <-least: // from now on, any job's change will do
			least = ofAny
		case <-most:
			return
		case <-ofJob:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) explainOnce(ctx context.Context, c Caller, id string) (errand.Explanation, error) {
	if !errand.ValidJobID(id) {
		return errand.Explanation{}, errJobNotFound(id)
	}
	spec, state, err := s.Store.Job(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !c.Sees(spec.Owner) {
		return errand.Explanation{}, errJobNotFound(id)
	}
	if err != nil {
		return errand.Explanation{}, unavailable("read the job", err)
	}
	now := s.now()
	x := &explainer{Service: s, caller: c, spec: spec, job: state.Record().View(now), now: now}
	x.attempts()
	switch {
	case x.job.Status.Terminal():
		x.ended()
	case x.job.Status == errand.Running:
		x.running()
	default:
		if err := x.pending(ctx); err != nil {
			return errand.Explanation{}, err
		}
	}
	x.out.PollIntervalMs = time.Second.Milliseconds()
	if s.Timing.PollWait == 0 {
		x.out.PollIntervalMs = explainInterval.Milliseconds()
	}
	x.out.Finish(now, spec.Queue)
	return x.out, nil
}

// explainer collects the facts of one explanation.
type explainer struct {
	*Service
	caller Caller
	spec   *errand.Spec
	job    errand.StateRecord // as seen now
	now    time.Time
	out    errand.Explanation
}

func (x *explainer) attempts() {
	x.out = errand.Explanation{JobID: x.job.JobID, Status: x.job.Status, MaxAttempts: x.job.MostTries(), Try: x.job.Try()}
	if x.job.Status == errand.Pending {
		x.out.Try = len(x.job.Past) + 1
	}
	if all := x.job.Attempts(); len(all) > 0 {
		last := all[len(all)-1]
		x.out.LastAttempt = &last
	}
}

func (x *explainer) ended() {
	o := &x.out
	o.Cause, o.ExitCode, o.Reason, o.Error = errand.CauseEnded, x.job.ExitCode, x.job.Reason, x.job.Error
	finished := x.job.FinishedAt
	o.FinishedAt = &finished
}

func (x *explainer) running() {
	o := &x.out
	o.Cause = errand.CauseRunning
	if x.job.Heard {
		heard := x.job.LeaseUntil.Add(-x.job.Lease)
		o.LastHeard = &heard
	}
	o.Silence = x.job.Silence(x.now, x.Timing.Heartbeat)
	switch {
	case x.job.CancelRequested:
		o.Cause = errand.CauseCancelling
	case o.Silence != nil:
		o.Cause = errand.CauseSilent
	}
}

// pending finds what the job waits for. The order of the checks is that of what must
// happen first.
func (x *explainer) pending(ctx context.Context) error {
	load, err := x.readLoad(ctx)
	if err != nil {
		return err
	}
	before, err := x.Store.ActiveJobs(ctx, x.job.Queue, x.job.JobID, errand.MaxPosition+1)
	if err != nil {
		return unavailable("list the jobs before it", err)
	}
	if err := x.place(ctx, before, load); err != nil {
		return err
	}
	if err := x.workers(ctx, load); err != nil {
		return err
	}
	paused, err := x.isPaused(ctx)
	if err != nil {
		return err
	}
	switch w := x.out.Workers; {
	case paused:
		x.out.Cause = errand.CauseQueuePaused
	case x.out.Group != nil:
		x.out.Cause = errand.CauseGroup
	case w.Online == 0:
		x.out.Cause = errand.CauseNoWorker
	case w.Able == 0:
		x.out.Cause = errand.CauseUnsuitable
	case w.Free == 0:
		x.out.Cause = errand.CauseWorkersBusy
	case x.out.Position != 1:
		x.out.Cause = errand.CauseAhead
	default:
		x.out.Cause = errand.CauseNext
	}
	return nil
}

func (x *explainer) isPaused(ctx context.Context) (bool, error) {
	queues, err := x.queues(ctx, queueListAge)
	return slices.ContainsFunc(queues, func(q errand.Queue) bool { return q.Name == x.job.Queue && q.Paused }), err
}

// place finds the job's position and the jobs of its group that come first.
func (x *explainer) place(ctx context.Context, before []string, load *load) error {
	more := len(before) > errand.MaxPosition
	before = before[:min(len(before), errand.MaxPosition)]
	states := load.states
	if x.spec.Group != "" {
		some, err := x.Store.States(ctx, before)
		if err != nil {
			return unavailable("read the jobs before it", err)
		}
		states = maps.Clone(states)
		maps.Copy(states, some)
	}
	x.out.Before = &errand.JobsBefore{More: more}
	for _, id := range before {
		if st, ok := states[id]; !ok || st.View(x.now).Status == errand.Pending {
			x.out.Before.Jobs++
		}
	}
	if !more {
		x.out.Position = x.out.Before.Jobs + 1
	}
	x.group(before, states)
	return nil
}

// group finds the jobs of the job's group that come before it: those that run, whatever
// their age, because their tickets came first, and older ones that are pending.
func (x *explainer) group(before []string, states map[string]errand.StateRecord) {
	if x.spec.Group == "" {
		return
	}
	g := errand.GroupBefore{Name: x.spec.Group}
	var first errand.StateRecord
	for _, id := range slices.Sorted(maps.Keys(states)) {
		st := states[id].View(x.now)
		if st.Queue != x.job.Queue || st.MessageGroupID != x.job.MessageGroupID || st.JobID == x.job.JobID {
			continue
		}
		_, older := slices.BinarySearch(before, id)
		if st.Status != errand.Running && (st.Status != errand.Pending || !older) {
			continue
		}
		g.Jobs++
		if g.Jobs == 1 || st.Status == errand.Running && first.Status != errand.Running {
			first = st
		}
	}
	if g.Jobs == 0 {
		return
	}
	g.FirstStatus = first.Status
	if x.caller.Sees(first.Owner) {
		g.FirstID = first.JobID
		if first.Status == errand.Running {
			g.FirstWorker = first.WorkerName
		}
	}
	x.out.Group = &g
}

// workers counts the workers that could run the job.
func (x *explainer) workers(ctx context.Context, load *load) error {
	out := &errand.WorkersForJob{}
	x.out.Workers = out
	var busy []string // jobs that hold slots which the job could have
	for i := range load.workers {
		w := &load.workers[i]
		switch {
		case !w.TakesFrom(x.job.Queue):
		case !w.Online(x.now) || w.Draining:
			out.Offline++
		default:
			out.Online++
			if !w.CanRun(x.spec) {
				continue
			}
			out.Able++
			held := load.heldBy(w)
			if len(held) < w.Slots {
				out.Free++
			}
			busy = append(busy, held...)
		}
	}
	if out.Online > 0 && out.Able == 0 {
		out.Lacking = x.lacking(load)
	}
	if out.Able == 0 || out.Free > 0 {
		return nil
	}
	jobs, err := x.Store.JobsOf(ctx, busy[:min(len(busy), maxTimeoutsRead)])
	if err != nil {
		return unavailable("read the running jobs", err)
	}
	out.FreeAt = firstTimeout(jobs)
	return nil
}

// lacking is what the job requires and no online worker of its queue has.
func (x *explainer) lacking(load *load) []string {
	r := x.spec.Requirements()
	missing := r.Lacking(&errand.Worker{})
	for i := range load.workers {
		w := &load.workers[i]
		if w.TakesFrom(x.job.Queue) && w.Online(x.now) && !w.Draining {
			lacking := r.Lacking(w)
			missing = slices.DeleteFunc(missing, func(m string) bool { return !slices.Contains(lacking, m) })
		}
	}
	return missing
}

// firstTimeout is when the first of the running jobs must have ended.
func firstTimeout(jobs map[string]errand.Job) *time.Time {
	var first time.Time
	for _, j := range jobs {
		if j.State.Status != errand.Running {
			continue
		}
		at := j.State.StartedAt.Add(time.Duration(j.Spec.TimeoutSeconds) * time.Second)
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return nil
	}
	return &first
}

// load is what the workers are doing.
type load struct {
	workers []errand.Worker
	states  map[string]errand.StateRecord // of the jobs that they hold, or were given last
}

// readLoad reads all workers and the states of what they hold. So it finds the jobs that
// run without reading those that wait, which may be many.
func (s *Service) readLoad(ctx context.Context) (*load, error) {
	l := &load{}
	for cursor := ""; ; {
		page, next, err := s.Store.Workers(ctx, cursor, errand.MaxPage)
		if err != nil {
			return nil, unavailable("list the workers", err)
		}
		l.workers = append(l.workers, page...)
		if cursor = next; cursor == "" {
			break
		}
	}
	held := map[string]bool{}
	for i := range l.workers {
		for _, h := range l.workers[i].Holds {
			held[h.JobID] = true
		}
		for _, a := range l.workers[i].Poll.Attempts {
			held[a.JobID] = true
		}
	}
	var err error
	if l.states, err = s.Store.States(ctx, slices.Sorted(maps.Keys(held))); err != nil {
		return nil, unavailable("read the running jobs", err)
	}
	return l, nil
}

// heldBy is the IDs of the jobs in the worker's slots: those that it names, and the last
// that it was given, which it may not have named yet.
func (l *load) heldBy(w *errand.Worker) []string {
	var ids []string
	for _, h := range w.Holds {
		ids = append(ids, h.JobID)
	}
	for _, a := range w.Poll.Attempts {
		st, ok := l.states[a.JobID]
		if ok && st.Status == errand.Running && st.WorkerID == w.ID && !slices.Contains(ids, st.JobID) {
			ids = append(ids, st.JobID)
		}
	}
	return ids
}
