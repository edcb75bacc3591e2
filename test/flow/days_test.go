package flow

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/localstack"
)

// TestHostileDays simulates days on which everything fails now and then, one for
// each seed. Creators, workers and the sweep behave like the command line and the
// agent, over an AWS whose calls sometimes fail for good. Workers die, too.
// ERRAND_DAYS is the number of days, ERRAND_SEED the first seed.
func TestHostileDays(t *testing.T) {
	days, err := strconv.Atoi(cmp.Or(os.Getenv("ERRAND_DAYS"), "6"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := strconv.ParseUint(cmp.Or(os.Getenv("ERRAND_SEED"), "1"), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	for seed := first; seed < first+uint64(days); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			newDay(t, seed).live()
		})
	}
}

// A day is a world with its invariants.
type day struct {
	*world
	rng     *rand.Rand
	hands   []*hand
	asked   []*ask // in the order of their creation
	jobs    map[string]*ask
	running map[string]string // group → job, as far as live workers go
	swept   time.Time
	failed  int // calls of the Service
}

// An ask is a job that a creator wants to run.
type ask struct {
	id       string // once it was answered
	spec     errand.Spec
	key      string
	starts   int // attempts that began
	accepted int // of which the server knows that they did
	last     int // attempt
	deaths   int // of workers that ran it
	result   bool
}

// A hand is a worker that behaves like the agent: it repeats a failed poll, and
// kills its job before a lease ends that another worker may get.
type hand struct {
	*worker
	pollID   string
	polls    int
	work     *errand.Assignment
	lease    time.Time // end of it, by when it was asked for
	retry    bool      // another attempt may follow this one
	accepted bool
	left     int // steps until the commands end
	ended    bool
}

func newDay(t *testing.T, seed uint64) *day {
	t.Helper()
	h := localstack.HostileProfile(seed)
	h.SQS.Miscount = 0 // tickets are counted in the end
	w := newWorldOf(t, h)
	cfg := w.stack.AWSConfig()
	cfg.Retryer = func() aws.Retryer { return tireless(3) }
	w.svc = w.service(cfg)
	return &day{world: w, rng: rand.New(rand.NewPCG(seed, 0)), jobs: map[string]*ask{}, running: map[string]string{}}
}

// passing reports whether a call failed with a temporary error.
func (d *day) passing(err error) bool {
	if err == nil {
		return false
	}
	d.failed++
	code := errand.CodeOf(err)
	if code != errand.CodeUnavailable && code != errand.CodeConflict {
		d.t.Fatalf("a call failed with %v", err)
	}
	return true
}

const jobsOfADay = 24

func (d *day) live() {
	for i := range 3 {
		d.hands = append(d.hands, d.register(fmt.Sprint("hand", i)))
	}
	for steps := 0; ; steps++ {
		if steps > 20_000 {
			d.t.Fatalf("the jobs are never over: %s", d.left())
		}
		if len(d.asked) < jobsOfADay && d.rng.IntN(3) == 0 {
			d.create()
		}
		for _, h := range d.hands {
			d.step(h)
		}
		d.clock.Advance(time.Duration(d.rng.IntN(4000)) * time.Millisecond)
		if now := d.clock.Now(); now.Sub(d.swept) > time.Minute {
			d.swept = now
			_, err := d.svc.Sweep(d.ctx)
			d.passing(err)
		}
		if len(d.asked) == jobsOfADay && steps%20 == 0 && d.over() {
			break
		}
	}
	d.check()
}

// register makes a hand. The same name again is a machine that came back.
func (d *day) register(name string) *hand {
	id := "worker-" + name
	r := errand.Registration{WorkerID: id, Token: "erw_" + id + "." + fmt.Sprintf("%040d", 0), Slots: 1}
	agent := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	for {
		out, err := d.svc.Register(d.ctx, agent, r)
		if d.passing(err) {
			continue
		}
		return &hand{worker: &worker{
			world: d.world, id: id, epoch: out.Epoch,
			caller: control.Caller{Principal: control.Principal{Role: errand.RoleWorker, Owner: "ann", WorkerID: id}, Origin: "http://127.0.0.1:8080"},
		}}
	}
}

// create creates a job, and repeats the call until it is answered.
func (d *day) create() {
	n := len(d.asked)
	a := &ask{key: fmt.Sprint("key", n), spec: errand.Spec{
		Commands: []errand.Command{{Shell: "true"}}, Group: []string{"", "", "x", "y"}[d.rng.IntN(4)], MaxAttempts: 1 + d.rng.IntN(2),
	}}
	for {
		job, err := d.svc.CreateJob(d.ctx, d.user, a.spec, control.CreateOptions{Key: a.key})
		if d.passing(err) {
			d.clock.Advance(time.Second)
			continue
		}
		a.id = job.Spec.ID
		break
	}
	if d.jobs[a.id] != nil {
		d.t.Fatalf("two creates are one job, %s", a.id)
	}
	d.asked = append(d.asked, a)
	d.jobs[a.id] = a
}

// step is what a worker does next.
func (d *day) step(h *hand) {
	switch {
	case h.work == nil:
		d.poll(h)
	case !h.ended && h.retriable() && !d.clock.Now().Before(h.lease):
		d.drop(h) // its supervisor has killed it
	case d.rng.IntN(80) == 0:
		d.die(h)
	case h.ended:
		d.submit(h)
	default:
		if h.left--; h.left <= 0 {
			h.ended = true
			d.stop(h)
		}
		d.beat(h)
	}
}

// retriable reports whether another worker may get the job when the lease ends. That
// is true of every attempt that wasn't accepted yet.
func (h *hand) retriable() bool { return h.retry || !h.accepted }

func (d *day) poll(h *hand) {
	if h.pollID == "" {
		h.polls++
		h.pollID = fmt.Sprintf("%s-%d-%d", h.id, h.epoch, h.polls)
	}
	asked := d.clock.Now()
	a, err := d.svc.TakeJob(d.ctx, h.caller, control.TakeRequest{WorkerID: h.id, Epoch: h.epoch, PollID: h.pollID})
	if d.passing(err) {
		return // with the same ID again
	}
	h.pollID = ""
	if a == nil {
		return
	}
	ask := d.jobs[a.JobID]
	if ask == nil || a.Attempt <= ask.last {
		d.t.Fatalf("given job %s attempt %d after attempt %d", a.JobID, a.Attempt, ask.last)
	}
	d.start(ask, a.JobID)
	ask.last = a.Attempt
	*h = hand{worker: h.worker, polls: h.polls, work: a, retry: a.Retryable, left: 1 + d.rng.IntN(8)}
	h.lease = asked.Add(time.Duration(a.LeaseSeconds) * time.Second)
	d.beat(h)
}

// start notes that the commands of a job begin. No other job of its group may be
// running, and the older ones of the group must have started before.
func (d *day) start(a *ask, id string) {
	a.starts++
	group := a.spec.Group
	if group == "" {
		group = id
	}
	if other := d.running[group]; other != "" {
		d.t.Fatalf("job %s begins while %s runs in group %q", id, other, group)
	}
	d.running[group] = id
	for _, before := range d.asked[:slices.Index(d.asked, a)] {
		if a.spec.Group != "" && before.spec.Group == a.spec.Group && before.starts == 0 {
			d.t.Fatalf("job %s begins before %s, which is older, in group %q", id, before.id, group)
		}
	}
}

// stop notes that a job's commands have ended.
func (d *day) stop(h *hand) {
	for group, id := range d.running {
		if id == h.work.JobID {
			delete(d.running, group)
		}
	}
}

func (d *day) drop(h *hand) {
	d.stop(h)
	d.jobs[h.work.JobID].deaths++
	h.work = nil
}

// die ends a machine. Another with its name replaces it.
func (d *day) die(h *hand) {
	d.drop(h)
	*h = *d.register(h.id[len("worker-"):])
}

func (d *day) beat(h *hand) {
	asked := d.clock.Now()
	out, err := d.svc.Heartbeat(d.ctx, h.caller, errand.Heartbeat{
		WorkerID: h.id, Epoch: h.epoch, Holds: []errand.Hold{{JobID: h.work.JobID, Attempt: h.work.Attempt}},
	})
	if d.passing(err) {
		return
	}
	switch o := out.Orders[0]; o.Order {
	case errand.OrderContinue:
		if !h.accepted {
			d.jobs[o.JobID].accepted++
		}
		h.accepted, h.retry, h.lease = true, o.Retryable, asked.Add(time.Duration(o.LeaseSeconds)*time.Second)
	case errand.OrderAbandon:
		d.drop(h)
	default:
		d.t.Fatalf("order %q", o.Order)
	}
}

func (d *day) submit(h *hand) {
	status, err := d.svc.SubmitResult(d.ctx, h.caller, h.report(h.work), errand.Result{ExitCode: 3})
	if errand.CodeOf(err) == errand.CodeStaleAttempt {
		d.drop(h)
		return
	}
	if d.passing(err) {
		return
	}
	if status != errand.Completed {
		d.t.Fatalf("a result was answered %s", status)
	}
	d.jobs[h.work.JobID].result = true
	if !h.accepted {
		d.jobs[h.work.JobID].accepted++
	}
	h.work = nil
}

// state reads a job's, however often that takes.
func (d *day) state(id string) errand.StateRecord {
	for {
		job, err := d.svc.Job(d.ctx, d.user, id)
		if d.passing(err) {
			continue
		}
		return job.State.View(d.clock.Now())
	}
}

func (d *day) over() bool {
	return d.left() == "" && !slices.ContainsFunc(d.hands, func(h *hand) bool { return h.work != nil })
}

// left names the jobs that aren't over.
func (d *day) left() (names string) {
	for _, a := range d.asked {
		if st := d.state(a.id); !st.Status.Terminal() {
			names += fmt.Sprintf("%s %s attempt %d; ", a.id, st.Status, st.Attempt)
		}
	}
	return names
}

// check checks the invariants at the end of the day.
func (d *day) check() {
	for _, a := range d.asked {
		st := d.state(a.id)
		switch {
		case a.result != (st.Status == errand.Completed):
			d.t.Errorf("job %s is %s; a worker had its result taken: %v", a.id, st.Status, a.result)
		case st.Status == errand.Completed && *st.ExitCode != 3:
			d.t.Errorf("job %s has exit code %d", a.id, *st.ExitCode)
		case st.Status == errand.Failed && (st.Reason != errand.ReasonLost || a.deaths == 0):
			d.t.Errorf("job %s failed: %s, and %d workers died of it", a.id, st.Reason, a.deaths)
		}
		if a.accepted > a.spec.MaxAttempts {
			d.t.Errorf("job %s ran %d times; it may %d", a.id, a.accepted, a.spec.MaxAttempts)
		}
	}
	d.clean()
	if d.failed == 0 {
		d.t.Error("no call failed: the day was no hostile one")
	}
	d.t.Logf("%d calls failed; %v", d.failed, d.stack.Hostility())
}

// clean: tickets whose deletion failed come again and are deleted. None is left, and
// the list has each job once.
func (d *day) clean() {
	ctx := context.WithoutCancel(d.ctx)
	for range 30 {
		d.clock.Advance(time.Minute)
		_, err := d.svc.Sweep(ctx)
		d.passing(err)
		for _, h := range d.hands {
			if d.poll(h); h.work != nil {
				d.t.Fatalf("job %s was given out after its end", h.work.JobID)
			}
		}
	}
	cfg := d.stack.AWSConfig()
	cfg.Retryer = func() aws.Retryer { return tireless(100) }
	if n := countTickets(d.t, cfg, d.settings.Queues[errand.DefaultQueue]); n != 0 {
		d.t.Errorf("%d tickets are left", n)
	}
	for {
		page, err := d.svc.Jobs(ctx, d.user, control.JobFilter{Limit: 200})
		if d.passing(err) {
			continue
		}
		if len(page.Jobs) != jobsOfADay {
			d.t.Errorf("the list has %d jobs, want %d", len(page.Jobs), jobsOfADay)
		}
		return
	}
}
