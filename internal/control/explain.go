package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
			s.awaitExplanation(ctx, ofJob.changed, ofAny.changed, deadline)
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
	if x.job.Heard && !x.job.Direct() {
		heard := x.job.LeaseUntil.Add(-x.job.Lease)
		o.LastHeard = &heard
	}
	o.Silence = x.job.Silence(x.now, x.Timing.Heartbeat)
	switch {
	case x.job.CancelRequested:
		o.Cause = errand.CauseCancelling
		if x.Timing.PollWait == 0 { // else the worker's heartbeats are held, and answered at once
			o.HeartbeatMs = x.Timing.Heartbeat.Milliseconds()
		}
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
	if x.job.Held {
		return x.held(ctx)
	}
	if err := x.place(ctx, load); err != nil {
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

// held says which jobs, or which time, a held job waits for.
func (x *explainer) held(ctx context.Context) error {
	x.out.Cause = errand.CauseAfter // if there is none left, the sweep has yet to see it
	if !x.spec.NotBefore.IsZero() {
		x.out.Cause, x.out.NotBefore = errand.CauseNotBefore, &x.spec.NotBefore
	}
	for _, d := range x.spec.After {
		state, err := x.Store.State(ctx, d.JobID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return unavailable("read a job that it waits for", err)
		}
		if err != nil {
			continue
		}
		st := state.Record().View(x.now)
		if d.Judge(&st) != errand.Waiting {
			continue
		}
		x.out.Cause = errand.CauseAfter
		if x.out.After == nil {
			x.out.After = &errand.AwaitedJobs{FirstID: d.JobID, FirstStatus: st.Status, On: d.On}
		}
		x.out.After.Jobs++
	}
	return nil
}

// place finds the job's position and the jobs of its group that come first.
func (x *explainer) place(ctx context.Context, load *load) error {
	before := x.job.JobID
	if !x.job.ReleasedAt.IsZero() && !x.job.Waiting { // it came into its queue after jobs with later IDs
		before = x.NewID(x.job.ReleasedAt.Add(time.Millisecond))[:ulidTime]
	}
	ids, err := x.Store.ActiveJobs(ctx, x.job.Queue, before, errand.MaxPosition+2)
	if err != nil {
		return unavailable("list the jobs before it", err)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == x.job.JobID })
	more := len(ids) > errand.MaxPosition
	ids = ids[:min(len(ids), errand.MaxPosition)]
	states, err := x.Store.States(ctx, ids)
	if err != nil {
		return unavailable("read the jobs before it", err)
	}
	maps.Copy(states, load.states)
	x.out.Before = &errand.JobsBefore{More: more}
	for _, id := range ids {
		st, ok := states[id]
		if ok && st.View(x.now).Status == errand.Pending && x.isBefore(&st) {
			x.out.Before.Jobs++
		}
	}
	if !more {
		x.out.Position = x.out.Before.Jobs + 1
	}
	x.group(states)
	return nil
}

// ulidTime is the length of the time at the beginning of a job's ID.
const ulidTime = 10

// isBefore reports whether another job of the queue is before this one: jobs with tickets
// are in the order of these, and those that are found by their kinds in that of their IDs.
func (x *explainer) isBefore(st *errand.StateRecord) bool {
	if c := st.QueuedAt().Compare(x.job.QueuedAt()); c != 0 && !st.Waiting && !x.job.Waiting {
		return c < 0
	}
	return st.JobID < x.job.JobID
}

// group finds the jobs of the job's group that come before it: those that run, whatever
// their age, because their tickets came first, and older ones that are pending.
func (x *explainer) group(states map[string]errand.StateRecord) {
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
		if st.Status != errand.Running && (st.Status != errand.Pending || st.Held || !x.isBefore(&st)) {
			continue
		}
		g.Jobs++
		if g.Jobs == 1 || first.Status != errand.Running && (st.Status == errand.Running || st.QueuedAt().Before(first.QueuedAt())) {
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
		case !w.TakesJobs(x.now):
			out.Offline++
			switch status := w.Status(); {
			case !w.Online(x.now):
			case status == errand.Paused:
				out.Paused++
			case status == errand.Draining:
				out.Draining++
			}
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
	if out.Able == 0 {
		out.Required = x.required(load)
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

// required says why the worker that the job requires can't take it; empty if it requires
// none.
func (x *explainer) required(load *load) string {
	id := x.spec.Worker
	if id == "" {
		return ""
	}
	i := slices.IndexFunc(load.workers, func(w errand.Worker) bool { return w.ID == id })
	if i < 0 {
		return "the server does not know worker " + id + ", which it requires, any more"
	}
	w := &load.workers[i]
	why := ""
	switch {
	case !w.TakesFrom(x.job.Queue):
		why = fmt.Sprintf("does not take jobs of queue %q any more", x.job.Queue)
	case !w.Online(x.now):
		why = "is offline"
	case !w.TakesJobs(x.now):
		why = "is " + string(w.Status())
	default:
		why = "does not have " + strings.Join(w.Lacking(x.spec), ", ")
	}
	return fmt.Sprintf("worker %s, which it requires, %s", cmp.Or(w.Name, id), why)
}

// lacking is what the job requires and no online worker of its queue has.
func (x *explainer) lacking(load *load) []string {
	var missing []string
	for i, isFirst := 0, true; i < len(load.workers); i++ {
		w := &load.workers[i]
		if !w.TakesFrom(x.job.Queue) || !w.TakesJobs(x.now) {
			continue
		}
		lacks := w.Lacking(x.spec)
		if isFirst {
			missing, isFirst = lacks, false
			continue
		}
		missing = slices.DeleteFunc(missing, func(what string) bool { return !slices.Contains(lacks, what) })
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
