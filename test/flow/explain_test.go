package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
)

// TestExplanations: in random worlds, what an explanation says is what in fact gets the job
// to a worker, and nothing less does.
func TestExplanations(t *testing.T) {
	t.Parallel()
	told := map[errand.Cause]int{}
	for seed := range uint64(explainSeeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x := newExplainWorld(t, seed)
			x.grow()
			x.check(told)
		})
	}
	for _, c := range append(errand.Causes[:len(errand.Causes):len(errand.Causes)], unsettled) {
		if told[c] == 0 && c != errand.CauseSilent { // the workers are heard from
			t.Errorf("no explanation of %d worlds was %s", explainSeeds, c)
		}
	}
	t.Logf("told %v", told)
}

const explainSeeds = 60

// explainWorld is a world with two queues, two owners and some workers.
type explainWorld struct {
	*world
	rand      *rand.Rand
	jobs      []errand.Job
	workers   []*slotted
	cancelled map[string]bool // jobs
	told      map[errand.Cause]int
}

// slotted is a worker that knows its slots.
type slotted struct {
	*worker
	slots    int
	queues   []string
	terminal bool
	os       string
	offline  bool
	left     bool // it drains or has stopped
	stopped  bool
	holds    []*errand.Assignment
}

func newExplainWorld(t *testing.T, seed uint64) *explainWorld {
	x := &explainWorld{world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 1)), cancelled: map[string]bool{}}
	x.addQueue("gpu")
	x.addQueue("other")
	x.grantUser()
	return x
}

func (w *world) addQueue(name string) {
	w.t.Helper()
	q, err := sqs.NewFromConfig(awsOf(w.stack)).CreateQueue(w.ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(name + ".fifo"), Attributes: map[string]string{"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.settings.Queues[name], w.settings.QueueNames = *q.QueueUrl, append(w.settings.QueueNames, name)
	w.svc = w.service(awsOf(w.stack))
}

// addWorker registers a worker.
func (x *explainWorld) addWorker(slots int, terminal bool, queues ...string) *slotted {
	x.t.Helper()
	id := fmt.Sprintf("worker-%d", len(x.workers))
	r := errand.Registration{WorkerID: id, Token: "erw_" + id + "." + strings.Repeat("s", 40), Slots: slots, Queues: queues}
	if len(x.workers)%2 == 0 {
		r.OS = "linux"
	}
	if terminal {
		r.Features = []string{errand.FeatureTerminal}
	}
	agent := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	reg, err := x.svc.Register(x.ctx, agent, r)
	if err != nil {
		x.t.Fatalf("register: %v", err)
	}
	caller := control.Caller{Principal: control.Principal{Role: errand.RoleWorker, Owner: "ann", WorkerID: id}, Origin: x.user.Origin}
	k := &slotted{worker: &worker{world: x.world, id: id, epoch: reg.Epoch, caller: caller}, slots: slots, queues: queues, terminal: terminal, os: r.OS}
	x.workers = append(x.workers, k)
	return k
}

func (k *slotted) takes(queue string) bool {
	return k.queues == nil || slices.Contains(k.queues, queue)
}

func (k *slotted) able(j *errand.Job) bool {
	return !k.offline && k.takes(j.Spec.Queue) && (k.terminal || j.Spec.Terminal == nil) && (j.Spec.Requires == nil || k.os == j.Spec.Requires["os"])
}

func (k *slotted) free() int { return k.slots - len(k.holds) }

// ask polls, and names what it holds.
func (k *slotted) ask() *errand.Assignment {
	k.t.Helper()
	k.polls++
	a, err := k.poll(fmt.Sprintf("%s-%d", k.id, k.polls))
	if err != nil {
		k.t.Fatalf("poll: %v", err)
	}
	if a != nil {
		k.holds = append(k.holds, a)
	}
	k.beat(k.holds...)
	return a
}

// finish ends what the worker holds of the job.
func (k *slotted) finish(id string) { k.finishWith(id, 0) }

func (k *slotted) finishWith(id string, exitCode int) {
	k.t.Helper()
	i := slices.IndexFunc(k.holds, func(a *errand.Assignment) bool { return a.JobID == id })
	if _, err := k.submit(k.holds[i], exitCode); err != nil {
		k.t.Fatalf("submit: %v", err)
	}
	k.holds = slices.Delete(k.holds, i, i+1)
	k.clock.Advance(time.Millisecond) // which jobs that are released now do not share with later ones
}

func (x *explainWorld) owner(name string) control.Caller {
	return control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: name}}
}

// grow creates jobs and workers, and lets these take, finish, give back and fall silent.
func (x *explainWorld) grow() {
	x.t.Helper()
	queues := [][]string{{"default"}, {"gpu"}, {"gpu", "default"}, nil}
	for range x.rand.IntN(4) {
		x.addWorker(1+x.rand.IntN(2), x.rand.IntN(2) == 0, queues[x.rand.IntN(len(queues))]...)
	}
	x.addSchedule()
	for range 4 + x.rand.IntN(10) {
		x.createRandom()
		if n := len(x.workers); n > 0 && x.rand.IntN(2) == 0 {
			x.act(x.workers[x.rand.IntN(n)])
		}
		switch x.rand.IntN(12) {
		case 0:
			x.cancelRandom()
		case 1:
			x.runSchedule()
		}
	}
	for _, k := range x.workers {
		switch x.rand.IntN(8) {
		case 0:
			k.leaveService(true)
		case 1:
			k.leaveService(false)
		case 2:
			k.pauseWorker()
		}
	}
	if x.rand.IntN(8) == 0 {
		x.pause([]string{"default", "gpu"}[x.rand.IntN(2)], true)
	}
	x.endSchedule()
	x.elapse(7 * time.Second) // tickets left to other workers are visible again
}

func (x *explainWorld) pause(queue string, paused bool) {
	x.t.Helper()
	if _, err := x.svc.PauseQueue(x.ctx, queue, paused); err != nil {
		x.t.Fatal(err)
	}
	if !hostile() && paused {
		return
	}
	x.elapse(31 * time.Second) // the list of queues may lag behind, and is kept
	x.waitForIndexes()
}

func (x *explainWorld) createRandom() {
	owner := []string{"ann", "bob"}[x.rand.IntN(2)]
	spec := x.randomSpec()
	x.addWaits(owner, &spec)
	job, err := x.svc.CreateJob(x.ctx, x.owner(owner), spec, control.CreateOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.jobs = append(x.jobs, job)
	x.clock.Advance(time.Duration(1+x.rand.IntN(1000)) * time.Millisecond)
}

func (x *explainWorld) randomSpec() errand.Spec {
	spec := errand.Spec{
		Commands: []errand.Command{{Shell: "true"}}, Queue: []string{"default", "gpu"}[x.rand.IntN(2)],
		Group: []string{"", "", "g1", "g2"}[x.rand.IntN(4)], MaxAttempts: 1 + x.rand.IntN(3), TimeoutSeconds: 60 + x.rand.IntN(1000),
	}
	if x.rand.IntN(6) == 0 && spec.Group == "" { // all jobs of a waiting group have the same requirements
		spec.Requires = map[string]string{"os": "linux"}
	}
	if x.rand.IntN(4) == 0 && spec.Group == "" {
		spec.Terminal = &errand.Terminal{Required: true}
	}
	return spec
}

// act has a worker take a job, finish one or give one back.
func (x *explainWorld) act(k *slotted) {
	switch n := x.rand.IntN(4); {
	case n < 2 && k.free() > 0:
		k.ask()
	case n == 2 && len(k.holds) > 0:
		k.finishWith(k.holds[0].JobID, x.rand.IntN(2))
	case n == 3 && len(k.holds) > 0:
		if _, err := k.fail(k.holds[0], errand.ReasonAgentError); err != nil {
			x.t.Fatal(err)
		}
		k.holds = k.holds[1:]
	}
}

// pauseWorker has an admin pause the worker.
func (k *slotted) pauseWorker() {
	k.t.Helper()
	k.offline = true
	if _, err := k.svc.ChangeWorker(k.ctx, k.id, control.PauseWorker); err != nil {
		k.t.Fatal(err)
	}
}

// addAble adds a worker that can run the job.
func (x *explainWorld) addAble(j *errand.Job) *slotted {
	if len(x.workers)%2 == 1 {
		x.addWorker(1, false, "other").offline = true // the next one has another system
	}
	return x.addWorker(1, true, j.Spec.Queue)
}

// addUnable adds a worker that lacks what the job requires.
func (x *explainWorld) addUnable(j *errand.Job) {
	if len(x.workers)%2 == 0 && j.Spec.Terminal == nil {
		x.addWorker(1, false, "other").offline = true
	}
	x.addWorker(1, false, j.Spec.Queue)
}

// leaveService says that the worker drains, or ends, and what it holds goes on.
func (k *slotted) leaveService(stopped bool) {
	k.t.Helper()
	k.offline, k.left, k.stopped = true, true, stopped
	h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch, Draining: true, Stopped: stopped}
	for _, a := range k.holds {
		h.Holds = append(h.Holds, errand.Hold{JobID: a.JobID, Attempt: a.Attempt})
	}
	if _, err := k.svc.Heartbeat(k.ctx, k.caller, h); err != nil {
		k.t.Fatal(err)
	}
}

// check compares the explanation of each job with what is so, and of one pending job with
// what releases it.
func (x *explainWorld) check(told map[errand.Cause]int) {
	x.told = told
	x.settleAll()
	x.checkFigures()
	var pending []errand.Job
	for _, j := range x.jobs {
		st, err := x.svc.Store.State(x.ctx, j.Spec.ID)
		if err != nil {
			x.t.Fatal(err)
		}
		e := x.explainAs(j)
		told[e.Cause]++
		x.t.Logf("%s", e.Sentence)
		x.checkHeld(&j)
		running := e.Cause == errand.CauseRunning || e.Cause == errand.CauseCancelling
		if e.Status != st.Record().Status || (e.Cause == errand.CauseEnded) != e.Status.Terminal() || running != (e.Status == errand.Running) {
			x.t.Errorf("job is %s, explained as %+v", st.Record().Status, e)
		}
		if e.Status == errand.Pending {
			pending = append(pending, j)
		}
	}
	if len(pending) == 0 {
		return
	}
	x.release(pending[x.rand.IntN(len(pending))])
}

func (x *explainWorld) explainAs(j errand.Job) errand.Explanation {
	x.t.Helper()
	e, err := x.svc.Explain(x.ctx, x.owner(j.Spec.Owner), control.ExplainRequest{JobID: j.Spec.ID})
	if err != nil {
		x.t.Fatal(err)
	}
	for _, other := range x.jobs {
		if other.Spec.Owner != j.Spec.Owner && strings.Contains(e.Sentence, other.Spec.ID) {
			x.t.Errorf("another owner's job is named: %s", e.Sentence)
		}
	}
	return e
}

// release does what the job's explanation says that it waits for.
func (x *explainWorld) release(j errand.Job) {
	x.t.Helper()
	x.waitForIndexes()
	e := x.explainAs(j)
	x.t.Logf("to release: %s", e.Sentence)
	switch e.Cause {
	case errand.CauseAfter:
		x.endAwaited(&j)
		return
	case errand.CauseNotBefore:
		x.passTime(&j, &e)
		return
	default:
		x.checkCounts(&j, &e)
	}
	switch e.Cause {
	case errand.CauseNext, errand.CauseAhead:
		x.takeFree(&j, &e)
		return
	case errand.CauseQueuePaused:
		x.mustNotRun(&j)
		x.pause(j.Spec.Queue, false)
		if again := x.explainAs(j); again.Cause == errand.CauseQueuePaused {
			x.t.Errorf("the queue is not paused: %s", again.Sentence)
			return
		}
		x.release(j)
		return
	case errand.CauseGroup, errand.CauseNoWorker, errand.CauseUnsuitable, errand.CauseWorkersBusy:
		x.mustNotRun(&j)
	default:
		x.t.Fatalf("a pending job is explained as %s", e.Cause)
	}
	switch e.Cause {
	case errand.CauseNoWorker:
		x.runWith(&j, x.addAble(&j), &e)
	case errand.CauseUnsuitable:
		x.addUnable(&j)
		x.mustNotRun(&j)
		x.runWith(&j, x.addAble(&j), &e)
	case errand.CauseWorkersBusy:
		i := slices.IndexFunc(x.workers, func(k *slotted) bool { return k.able(&j) })
		k := x.workers[i]
		k.finish(k.holds[0].JobID)
		x.runWith(&j, k, &e)
	default:
		x.endGroup(&j, &e)
	}
}

// checkCounts compares the workers that are counted with those that there are.
func (x *explainWorld) checkCounts(j *errand.Job, e *errand.Explanation) {
	x.t.Helper()
	var want errand.WorkersForJob
	var freeAt time.Time
	for _, k := range x.workers {
		switch {
		case !k.takes(j.Spec.Queue):
		case k.offline:
			want.Offline++
		default:
			want.Online++
			if !k.able(j) {
				continue
			}
			want.Able++
			if k.free() > 0 {
				want.Free++
			}
			for _, a := range k.holds {
				st := x.state(a.JobID)
				if at := st.StartedAt.Add(time.Duration(a.TimeoutSeconds) * time.Second); freeAt.IsZero() || at.Before(freeAt) {
					freeAt = at
				}
			}
		}
	}
	got := *e.Workers
	if got.FreeAt != nil && !got.FreeAt.Equal(freeAt) {
		x.t.Errorf("free at %v, want %v", got.FreeAt, freeAt)
	}
	if known := want.Able > 0 && want.Free == 0; known != (got.FreeAt != nil) {
		x.t.Errorf("free at %v; known %v", got.FreeAt, known)
	}
	if got.Online != want.Online || got.Able != want.Able || got.Free != want.Free || got.Offline != want.Offline {
		x.t.Errorf("workers %+v, want %+v", got, want)
	}
	before, own := 0, x.state(j.Spec.ID)
	for _, other := range x.jobs {
		if st := x.state(other.Spec.ID); st.Queue == j.Spec.Queue && st.Status == errand.Pending && !st.Held && isQueuedBefore(&st, &own) {
			before++
		}
	}
	if e.Position != before+1 || e.Before.Jobs != before {
		x.t.Errorf("position %d behind %d, want behind %d", e.Position, e.Before.Jobs, before)
	}
}

// checkFigures compares the figures of each queue with what there is.
func (x *explainWorld) checkFigures() {
	x.t.Helper()
	got, err := x.svc.Figures(x.ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	for i, queue := range x.settings.QueueNames {
		want := control.QueueFigures{Queue: queue}
		for _, j := range x.jobs {
			st := x.state(j.Spec.ID)
			switch {
			case st.Queue != queue || st.Held:
			case st.Status == errand.Running:
				want.Running++
			case st.Status == errand.Pending:
				if want.Pending++; want.Oldest.IsZero() || queuedAt(&st).Before(want.Oldest) {
					want.Oldest = queuedAt(&st)
				}
			}
		}
		for _, k := range x.workers {
			if !k.offline && k.takes(queue) {
				want.Workers++
				want.Slots += k.slots
				want.Free += k.free()
			}
		}
		if got.Queues[i] != want {
			x.t.Errorf("figures %+v, want %+v", got.Queues[i], want)
		}
	}
}

func (x *explainWorld) state(id string) errand.StateRecord {
	x.t.Helper()
	st, err := x.svc.Store.State(x.ctx, id)
	if err != nil {
		x.t.Fatal(err)
	}
	return st.Record()
}

// mustNotRun has all workers take what they can, which must not be the job.
func (x *explainWorld) mustNotRun(j *errand.Job) {
	x.t.Helper()
	for _, k := range x.workers {
		for !k.offline && k.free() > 0 && k.ask() != nil {
		}
		x.clock.Advance(7 * time.Second)
	}
	if st := x.state(j.Spec.ID); st.Status != errand.Pending {
		x.t.Errorf("the job is %s though what it waits for has not happened", st.Status)
	}
	x.elapse(0)
}

// takeFree has the workers that could run the job take jobs: it must be given before any
// that is not said to be before it.
func (x *explainWorld) takeFree(j *errand.Job, e *errand.Explanation) {
	x.t.Helper()
	earlier := 0
	for _, k := range x.workers {
		for k.able(j) && k.free() > 0 {
			switch a := k.ask(); {
			case a == nil:
				x.t.Errorf("a free worker was not given the job")
				return
			case a.JobID == j.Spec.ID:
				x.wantEarlier(earlier, e)
				return
			case a.Queue == j.Spec.Queue && x.inOrder(a.JobID, j.Spec.ID):
				earlier++
			}
		}
	}
	// Jobs before it filled the workers.
	if x.wantEarlier(earlier, e); e.Cause == errand.CauseNext && earlier > 0 && !hostile() {
		x.t.Errorf("%d jobs were given out before the next", earlier)
	}
}

func (x *explainWorld) wantEarlier(earlier int, e *errand.Explanation) {
	x.t.Helper()
	if !hostile() && earlier > e.Before.Jobs {
		x.t.Errorf("%d jobs were given out before the job; %d are said to be before it", earlier, e.Before.Jobs)
	}
}

// runWith has a worker take and finish jobs until it is given the job.
func (x *explainWorld) runWith(j *errand.Job, k *slotted, e *errand.Explanation) {
	x.t.Helper()
	earlier := 0
	for misses := 0; misses < 3; {
		a := k.ask()
		switch {
		case a == nil:
			misses++
			x.clock.Advance(7 * time.Second)
			continue
		case a.JobID == j.Spec.ID:
			x.wantEarlier(earlier, e)
			return
		case a.Queue == j.Spec.Queue && x.inOrder(a.JobID, j.Spec.ID):
			earlier++
		}
		k.finish(a.JobID)
	}
	x.t.Errorf("the job was not given to a worker, though what it waits for has happened")
}

// endGroup ends the jobs of the job's group that come before it: not before the last of
// them, and then, is the job given to a worker.
func (x *explainWorld) endGroup(j *errand.Job, e *errand.Explanation) {
	x.t.Helper()
	ended := 0
	isMate := func(a *errand.Assignment) bool { return a.Queue == j.Spec.Queue && a.Group == j.Spec.Group }
	for _, k := range x.workers {
		for _, a := range slices.Clone(k.holds) {
			if isMate(a) {
				k.finish(a.JobID)
				ended++
			}
		}
	}
	helper := x.addAble(j)
	for misses := 0; misses < 3; {
		a := helper.ask()
		switch {
		case a == nil:
			misses++
			x.clock.Advance(7 * time.Second)
			continue
		case a.JobID == j.Spec.ID:
			if ended != e.Group.Jobs {
				x.t.Errorf("given after %d jobs of its group; it was said to wait for %d", ended, e.Group.Jobs)
			}
			return
		case isMate(a):
			ended++
		}
		helper.finish(a.JobID)
	}
	x.t.Errorf("the job was not given to a worker, though its group's jobs have ended (%d)", ended)
}

// TestWhyNamedWorker: of a job for one worker, the explanation says why that one does not
// take it, whatever others do.
func TestWhyNamedWorker(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.queue("linux")
	w.labelled("other", "gpu", "h200")
	w.labelled("box")
	job := w.create(func(s *errand.Spec) { s.Worker = "box" }, requires("gpu", "h200"))
	want := func(cause errand.Cause, why string) {
		t.Helper()
		e, err := w.svc.Explain(w.ctx, w.user, control.ExplainRequest{JobID: job.Spec.ID})
		if sentence := "job " + job.Spec.ID + " waits because " + why; err != nil || e.Cause != cause || e.Sentence != sentence {
			t.Errorf("%s: %s, %v; want %s: %s", e.Cause, e.Sentence, err, cause, sentence)
		}
	}
	want(errand.CauseUnsuitable, "worker box, which it requires, does not have gpu=h200")
	w.labelled("box", "gpu", "h200")
	w.manage("box", control.PauseWorker)
	want(errand.CauseUnsuitable, "worker box, which it requires, is paused")
	w.manage("other", control.PauseWorker)
	want(errand.CauseNoWorker, "worker box, which it requires, is paused")
	w.manage("box", control.ResumeWorker)
	w.manage("box", control.DrainWorker)
	want(errand.CauseNoWorker, "worker box, which it requires, is draining")
	w.register(control.Principal{}, errand.Registration{WorkerID: "box", Name: "box", Queues: []string{"linux"}})
	want(errand.CauseNoWorker, `worker box, which it requires, does not take jobs of queue "default" any more`)
	w.labelled("box", "gpu", "h200")
	w.clock.Advance(time.Minute)
	want(errand.CauseNoWorker, "worker box, which it requires, is offline")
	w.manage("box", control.ForgetWorker)
	want(errand.CauseNoWorker, "the server does not know worker box, which it requires, any more")
}

// TestWhyNoWorker: if no worker takes jobs, the explanation says why each does not.
func TestWhyNoWorker(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.labelled("gone")
	w.clock.Advance(time.Minute)
	w.labelled("paused")
	w.manage("paused", control.PauseWorker)
	w.labelled("drains")
	w.manage("drains", control.DrainWorker)
	job := w.create()
	e, err := w.svc.Explain(w.ctx, w.user, control.ExplainRequest{JobID: job.Spec.ID})
	want := "job " + job.Spec.ID + ` waits because no worker takes jobs of queue "default": 1 is paused, 1 is draining, 1 is offline`
	if err != nil || e.Cause != errand.CauseNoWorker || e.Sentence != want || e.Workers.Offline != 3 {
		t.Errorf("%s: %s, %v; want %s", e.Cause, e.Sentence, err, want)
	}
}

// TestHeldExplanation: where polls are held, a request for another explanation is held
// until there is one, and answered soon after.
func TestHeldExplanation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := quiet(map[string]string{"PollWait": "20s", "Bell": "false"})
		o.changes = &control.Changes{}
		d := deploy(t, o)
		user := d.client(t, errand.RoleUser)
		create := func() string {
			t.Helper()
			job, err := user.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, Group: "deploy"}, "")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			return job.ID
		}
		first, second := create(), create()
		e, err := user.Explain(t.Context(), second)
		if err != nil || e.Group == nil || e.Group.FirstID != first || e.Interval() != time.Second {
			t.Fatalf("%+v, %v", e, err)
		}
		begun := time.Now()
		again, err := user.AwaitExplanation(t.Context(), second, 10*time.Second, e.State)
		if took := time.Since(begun); err != nil || again.State != e.State || took != 10*time.Second {
			t.Errorf("after %v: %+v, %v", took, again, err)
		}
		begun = time.Now()
		cancelled := make(chan error, 1)
		time.AfterFunc(4*time.Second, func() {
			_, err := user.Cancel(t.Context(), first)
			cancelled <- err
		})
		again, err = user.AwaitExplanation(t.Context(), second, 20*time.Second, e.State)
		if took := time.Since(begun); err != nil || again.Cause != errand.CauseNoWorker || took != 4*time.Second {
			t.Errorf("after %v: %+v, %v", took, again, err)
		}
		if err := <-cancelled; err != nil {
			t.Error(err)
		}
	})
}
