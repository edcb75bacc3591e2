package flow

import (
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// elapse lets time pass, in which the workers are heard from.
func (x *explainWorld) elapse(d time.Duration) {
	x.t.Helper()
	for step := min(d, 2*time.Minute); ; step = min(d, 2*time.Minute) {
		x.clock.Advance(step)
		for _, k := range x.workers {
			if k.left {
				k.leaveService(k.stopped)
			} else {
				k.beat(k.holds...)
			}
		}
		if d -= step; d <= 0 {
			return
		}
	}
}

// addWaits has a new job wait for earlier ones, for a time, or for both.
func (x *explainWorld) addWaits(owner string, spec *errand.Spec) {
	if x.rand.IntN(6) == 0 {
		spec.NotBefore = x.clock.Now().Add(time.Duration(1+x.rand.IntN(3600)) * time.Second)
	}
	own := slices.DeleteFunc(slices.Clone(x.jobs), func(j errand.Job) bool { return j.Spec.Owner != owner })
	if len(own) == 0 || x.rand.IntN(3) > 0 {
		return
	}
	x.rand.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
	for _, j := range own[:1+x.rand.IntN(min(2, len(own)))] {
		on := errand.Outcomes[x.rand.IntN(len(errand.Outcomes))]
		spec.After = append(spec.After, errand.Dependency{JobID: j.Spec.ID, On: on})
	}
}

func (x *explainWorld) cancelRandom() {
	x.t.Helper()
	j := x.jobs[x.rand.IntN(len(x.jobs))]
	if x.state(j.Spec.ID).Status.Terminal() {
		return
	}
	if _, err := x.svc.Cancel(x.ctx, x.owner(j.Spec.Owner), j.Spec.ID); err != nil {
		x.t.Fatal(err)
	}
	x.cancelled[j.Spec.ID] = true
}

// addSchedule adds the schedule s, which creates a job each minute.
func (x *explainWorld) addSchedule() {
	x.schedule("* * * * *", func(sc *errand.Schedule) {
		sc.Job = x.randomSpec()
		sc.Overlap = []errand.OverlapPolicy{errand.OverlapAllow, errand.OverlapSkip, errand.OverlapCancel}[x.rand.IntN(3)]
	})
}

// runSchedule lets a minute pass, and has the sweep create the schedule's job.
func (x *explainWorld) runSchedule() {
	x.t.Helper()
	x.elapse(time.Minute)
	x.sweep()
	x.clock.Advance(time.Millisecond)
	for _, j := range x.scheduled() {
		if !slices.ContainsFunc(x.jobs, func(o errand.Job) bool { return o.Spec.ID == j.Spec.ID }) {
			x.jobs = append(x.jobs, j)
		} else if j.State.CancelRequested || j.State.Status == errand.Cancelled {
			x.cancelled[j.Spec.ID] = true
		}
	}
}

// endSchedule has the schedule create no more jobs.
func (x *explainWorld) endSchedule() {
	x.t.Helper()
	if _, err := x.svc.PauseSchedule(x.ctx, x.user, "s"); err != nil {
		x.t.Fatal(err)
	}
}

// unsettled counts the explanations of jobs that only wait for the sweep.
const unsettled errand.Cause = "unsettled"

// finishUnsettled ends a job, and what it does for the jobs that wait for it fails. So their
// explanations can't name it, and the sweep does it.
func (x *explainWorld) finishUnsettled(k *slotted, id string, exitCode int) {
	x.t.Helper()
	x.faults.set("Dependents", false)
	k.finishWith(id, exitCode)
	if !x.faults.happened() {
		x.t.Fatal("the end of a job that others wait for did not look for them")
	}
	for _, j := range x.jobs {
		st := x.state(j.Spec.ID)
		if !st.Held || st.Status != errand.Pending {
			continue
		}
		e := x.explainAs(j)
		waiting, _, _ := x.awaited(&j)
		if e.Cause == errand.CauseAfter && e.After == nil {
			x.told[unsettled]++
		}
		if named := e.After != nil || e.NotBefore != nil; named != (len(waiting) > 0 || !j.Spec.NotBefore.IsZero()) {
			x.t.Errorf("waits for %v and until %v: %s", waiting, j.Spec.NotBefore, e.Sentence)
		}
	}
	x.settleAll()
}

// settleAll has the sweep do what failed at the ends of jobs.
func (x *explainWorld) settleAll() {
	x.t.Helper()
	x.elapse(x.svc.Timing.ResendAfter + time.Second)
	for range 4 { // a job may wait for one that waits
		x.sweep()
	}
	x.elapse(7 * time.Second)
	x.sweep() // for a time that came
	x.waitForIndexes()
}

// queuedAt is when a job came into its queue.
func queuedAt(st *errand.StateRecord) time.Time {
	if st.ReleasedAt.IsZero() {
		return st.CreatedAt
	}
	return st.ReleasedAt
}

// isQueuedBefore reports whether a is before b: by time, or by ID if one of them is found
// by what it requires.
func isQueuedBefore(a, b *errand.StateRecord) bool {
	if c := queuedAt(a).Compare(queuedAt(b)); c != 0 && !a.Waiting && !b.Waiting {
		return c < 0
	}
	return a.JobID < b.JobID
}

// inOrder reports whether it is known which of two jobs of a queue is first: they came into
// it one after the other, and if one is found by what it requires, none was held.
func (x *explainWorld) inOrder(a, b string) bool {
	first, second := x.state(a), x.state(b)
	held := !first.ReleasedAt.IsZero() || !second.ReleasedAt.IsZero()
	byKind := x.isPlaced(a) || x.isPlaced(b)
	return !queuedAt(&first).Equal(queuedAt(&second)) && !(held && byKind)
}

// isPlaced reports whether the job is found by what it requires.
func (x *explainWorld) isPlaced(id string) bool {
	j := x.jobs[slices.IndexFunc(x.jobs, func(j errand.Job) bool { return j.Spec.ID == id })]
	return len(j.Spec.Requires) > 0 || j.Spec.Terminal != nil
}

// awaited says of the jobs that j waits for how many have not ended, and whether one was
// cancelled, or ended in another way than j waits for.
func (x *explainWorld) awaited(j *errand.Job) (waiting []errand.Dependency, cancelled, wrong bool) {
	x.t.Helper()
	for _, d := range j.Spec.After {
		st := x.state(d.JobID)
		success := st.Status == errand.Completed && *st.ExitCode == 0
		switch {
		case !st.Status.Terminal():
			waiting = append(waiting, d)
		case d.On == errand.OnAny:
		case st.Status == errand.Cancelled:
			cancelled = true
		case success != (d.On == errand.OnSuccess):
			wrong = true
		}
	}
	return waiting, cancelled, wrong
}

// checkHeld compares the state of a job with those of the jobs that it waits for, and with
// the time.
func (x *explainWorld) checkHeld(j *errand.Job) {
	x.t.Helper()
	st := x.state(j.Spec.ID)
	waiting, cancelled, wrong := x.awaited(j)
	early := j.Spec.NotBefore.After(x.clock.Now())
	switch held := st.Held && st.Status == errand.Pending; {
	case x.cancelled[st.JobID]:
	case cancelled && st.Status != errand.Cancelled && (!wrong || st.Status != errand.Failed):
		x.t.Errorf("job %s is %s, and a job that it waits for was cancelled", st.JobID, st.Status)
	case !cancelled && wrong && st.Reason != errand.ReasonDependencyFailed:
		x.t.Errorf("job %s is %s, and what it waits for can't happen", st.JobID, st.Status)
	case !cancelled && !wrong && held != (len(waiting) > 0 || early):
		x.t.Errorf("job %s is held: %v; waits for %v, for a time: %v", st.JobID, held, waiting, early)
	}
}

// endAwaited ends the jobs that a job waits for, one after the other: as it waits for, or
// else. It is released after the last.
func (x *explainWorld) endAwaited(j *errand.Job) {
	x.t.Helper()
	for e := x.explainAs(*j); e.Cause == errand.CauseAfter; e = x.explainAs(*j) {
		waiting, _, _ := x.awaited(j)
		if e.After == nil || len(waiting) == 0 || e.After.Jobs != len(waiting) || e.After.FirstID != waiting[0].JobID ||
			e.After.On != waiting[0].On || e.After.FirstStatus != x.state(waiting[0].JobID).Status {
			x.t.Errorf("waits for %+v, want %v", e.After, waiting)
			return
		}
		x.mustNotRun(j)
		exitCode := 0
		if (waiting[0].On == errand.OnFailure) != (x.rand.IntN(4) == 0) {
			exitCode = 1
		}
		k := x.startJob(waiting[0].JobID)
		switch {
		case k == nil:
		case x.rand.IntN(4) == 0:
			x.finishUnsettled(k, waiting[0].JobID, exitCode)
		default:
			k.finishWith(waiting[0].JobID, exitCode)
		}
		x.waitForIndexes()
		if st := x.state(waiting[0].JobID); !st.Status.Terminal() {
			x.t.Errorf("job %s is %s after its end", st.JobID, st.Status)
			return
		}
	}
	x.checkHeld(j)
	if st := x.state(j.Spec.ID); st.Status == errand.Pending {
		x.release(*j)
	}
}

// startJob has a job run, whatever it waits for, and returns the worker that holds it; nil if
// the job ends before.
func (x *explainWorld) startJob(id string) *slotted {
	x.t.Helper()
	i := slices.IndexFunc(x.jobs, func(j errand.Job) bool { return j.Spec.ID == id })
	j := x.jobs[i]
	waiting, _, _ := x.awaited(&j)
	for _, d := range waiting {
		code := 0
		if d.On == errand.OnFailure {
			code = 1
		}
		if k := x.startJob(d.JobID); k != nil {
			k.finishWith(d.JobID, code)
		}
	}
	if left := j.Spec.NotBefore.Sub(x.clock.Now()); x.state(id).Held && left > 0 {
		x.elapse(left)
		x.sweep()
	}
	if x.explainAs(j).Cause == errand.CauseQueuePaused {
		x.pause(j.Spec.Queue, false)
	}
	x.endPlace(&j)
	for _, k := range x.workers {
		if slices.ContainsFunc(k.holds, func(a *errand.Assignment) bool { return a.JobID == id }) {
			return k
		}
	}
	if x.state(id).Status != errand.Pending {
		return nil
	}
	x.waitForIndexes()
	e := x.explainAs(j)
	k := x.addAble(&j)
	x.runWith(&j, k, &e)
	return k
}

// endPlace ends the other jobs of a job's group that run.
func (x *explainWorld) endPlace(j *errand.Job) {
	x.t.Helper()
	for _, k := range x.workers {
		for _, a := range slices.Clone(k.holds) {
			if a.Group != "" && a.Queue == j.Spec.Queue && a.Group == j.Spec.Group && a.JobID != j.Spec.ID {
				k.finish(a.JobID)
			}
		}
	}
}

// passTime lets the time of a job come: not before is it released.
func (x *explainWorld) passTime(j *errand.Job, e *errand.Explanation) {
	x.t.Helper()
	if e.NotBefore == nil || !e.NotBefore.Equal(j.Spec.NotBefore) {
		x.t.Errorf("waits until %v, want %v", e.NotBefore, j.Spec.NotBefore)
		return
	}
	x.mustNotRun(j)
	if left := j.Spec.NotBefore.Sub(x.clock.Now()); left > 10*time.Second {
		x.elapse(left - 10*time.Second)
		x.sweep()
		if e := x.explainAs(*j); e.Cause != errand.CauseNotBefore {
			x.t.Errorf("10 seconds before its time, it %s", e.Sentence)
		}
	}
	x.elapse(max(j.Spec.NotBefore.Sub(x.clock.Now()), 0))
	x.sweep()
	x.sweep()
	x.elapse(7 * time.Second)
	x.checkHeld(j)
	if e := x.explainAs(*j); e.Cause == errand.CauseNotBefore {
		x.t.Errorf("after its time, it %s", e.Sentence)
		return
	}
	x.release(*j)
}
