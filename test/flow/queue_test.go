package flow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// queue makes a queue, which must succeed.
func (w *world) queue(name string) {
	w.t.Helper()
	if _, made, err := w.svc.CreateQueue(w.ctx, name); err != nil || !made {
		w.t.Fatalf("create the queue %s: %v, %v", name, made, err)
	}
}

func inQueue(name string) func(*errand.Spec) { return func(s *errand.Spec) { s.Queue = name } }

// withQueues registers the worker again, for some queues.
func (k *worker) withQueues(queues ...string) *worker {
	k.t.Helper()
	agent := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	token := "erw_" + k.id + "." + strings.Repeat("s", 40)
	r, err := k.svc.Register(k.ctx, agent, errand.Registration{WorkerID: k.id, Token: token, Slots: 4, Queues: queues})
	if err != nil {
		k.t.Fatal(err)
	}
	k.epoch = r.Epoch
	return k
}

var admin = control.Caller{Principal: control.Principal{Role: errand.RoleAdmin, Owner: "admin"}}

// TestMadeQueue: a worker without a list takes from a queue that was made after its
// registration; one with a list doesn't. The error about an unknown queue names the
// others, and says how to make one.
func TestMadeQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, some := w.worker("all"), w.worker("some").withQueues(errand.DefaultQueue)
	_, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Queue: "linux"}, control.CreateOptions{})
	wantCode(t, err, errand.CodeInvalidField)
	for _, want := range []string{"default", "errand queue create linux"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	w.queue("linux")
	if _, made, err := w.svc.CreateQueue(w.ctx, "linux"); made || err != nil {
		t.Errorf("again: %v, %v", made, err)
	}
	job := w.create(inQueue("linux"))
	some.take(false)
	a := all.take(true)
	all.beat(a)
	if _, err := all.submit(a, 0); err != nil || a.JobID != job.Spec.ID {
		t.Errorf("job %s, %v", a.JobID, err)
	}
	w.want(job.Spec.ID, errand.Completed, "", 1)
}

// TestQueueOrder: a worker takes from its queues in the order that it names. (SQS may say
// that a queue is empty which isn't.)
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.queue("urgent")
	first := w.create()
	second := w.create(inQueue("urgent"))
	k := w.worker("a").withQueues("urgent", errand.DefaultQueue)
	for i, want := range []errand.Job{second, first} {
		if a := k.take(true); a.JobID != want.Spec.ID {
			t.Errorf("%d: got a job of %s", i, a.Queue)
		}
	}
}

// TestPausedQueue: jobs wait in a paused queue; a running one goes on. Queues of the
// deployment can be paused, too.
func TestPausedQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	running := w.create()
	a := k.take(true)
	if q, err := w.svc.PauseQueue(w.ctx, errand.DefaultQueue, true); err != nil || !q.Paused || !q.Deployed {
		t.Fatalf("%+v, %v", q, err)
	}
	waiting := w.create()
	k.take(false)
	k.beat(a)
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	w.want(running.Spec.ID, errand.Completed, "", 1)
	k.take(false)
	if _, err := w.svc.PauseQueue(w.ctx, errand.DefaultQueue, false); err != nil {
		t.Fatal(err)
	}
	if a := k.take(true); a.JobID != waiting.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
	_, err := w.svc.PauseQueue(w.ctx, "nothing", true)
	wantCode(t, err, errand.CodeQueueNotFound)
}

// TestOtherProcessPausesQueue: a process that has read the list of queues learns of a
// change within 30 seconds.
func TestOtherProcessPausesQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	k.take(false)
	other := w.service(awsOf(w.stack))
	if _, err := other.PauseQueue(w.ctx, errand.DefaultQueue, true); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * time.Second)
	w.create()
	k.take(false)
}

// TestDeletedQueue: a queue that holds jobs is deleted only with them, and its name is
// refused for a minute.
func TestDeletedQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue("linux")
	k := w.worker("a")
	running, waiting := w.create(inQueue("linux")), w.create(inQueue("linux"))
	a := k.take(true)
	if a.JobID == waiting.Spec.ID { // groups have no order among them
		running, waiting = waiting, running
	}
	w.waitForIndexes()
	_, err := w.svc.DeleteQueue(w.ctx, admin, "linux", false)
	wantCode(t, err, errand.CodeQueueInUse)
	if !strings.Contains(err.Error(), "2 jobs") {
		t.Errorf("%v does not say how many jobs", err)
	}
	_, err = w.svc.DeleteQueue(w.ctx, admin, errand.DefaultQueue, true)
	wantCode(t, err, errand.CodeQueueInUse)
	r := w.deleteQueue("linux")
	if r.Cancelled != 2 {
		t.Errorf("%+v", r)
	}
	w.want(waiting.Spec.ID, errand.Cancelled, errand.ReasonCancelled, 0)
	if o := k.beat(a); o[0].Order != errand.OrderCancel {
		t.Errorf("%+v", o)
	}
	if _, err := k.fail(a, errand.ReasonCancelled); err != nil {
		t.Fatal(err)
	}
	w.want(running.Spec.ID, errand.Cancelled, errand.ReasonCancelled, 1)
	_, err = w.svc.DeleteQueue(w.ctx, admin, "linux", true)
	wantCode(t, err, errand.CodeQueueNotFound)
	_, _, err = w.svc.CreateQueue(w.ctx, "linux")
	wantCode(t, err, errand.CodeConflict)
	if !strings.Contains(err.Error(), "60 seconds") {
		t.Errorf("%v does not say how long", err)
	}
	w.clock.Advance(time.Minute)
	w.queue("linux")
	k.take(false)
}

// deleteQueue deletes a queue with its jobs, in as many requests as that takes.
func (w *world) deleteQueue(name string) (all control.QueueRemoval) {
	w.t.Helper()
	for range 10 {
		w.waitForIndexes()
		r, err := w.svc.DeleteQueue(w.ctx, admin, name, true)
		if err != nil {
			w.t.Fatal(err)
		}
		all.Cancelled += r.Cancelled
		if r.Done {
			return all
		}
	}
	w.t.Fatal("the queue is not deleted")
	return all
}

// TestJobInDeletedQueue: a job that a process created which didn't know yet that the
// queue was deleted fails with a reason.
func TestJobInDeletedQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue("linux")
	other := w.service(awsOf(w.stack))
	if _, err := other.DeleteQueue(w.ctx, admin, "linux", false); err != nil {
		t.Fatal(err)
	}
	job := w.create(inQueue("linux"))
	w.clock.Advance(errand.DefaultTiming().ResendAfter)
	w.sweep()
	w.want(job.Spec.ID, errand.Failed, errand.ReasonQueueDeleted, 0)
}

// TestForeignNames: a caller whose token is for some queues doesn't learn the names of
// others, of their workers, or whether there are such.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue("mine")
	w.queue("secret-q")
	w.worker("secret").withQueues("secret-q")
	both := w.worker("both").withQueues("mine", "secret-q")
	w.queue("other")
	c := w.user
	c.Queues = []string{"mine", "other"}
	create := func(change ...func(*errand.Spec)) error {
		spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Queue: "mine"}
		for _, f := range change {
			f(&spec)
		}
		_, err := w.svc.CreateJob(w.ctx, c, spec, control.CreateOptions{})
		return err
	}
	register := func(queues ...string) error {
		_, err := w.svc.Register(w.ctx, control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann", Queues: c.Queues}}, errand.Registration{Slots: 1, Queues: queues})
		return err
	}
	_, replaced := w.svc.Register(w.ctx, control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann", Queues: c.Queues}},
		errand.Registration{WorkerID: both.id, Token: "erw_" + both.id + "." + strings.Repeat("x", 40), Slots: 1, Replace: true})
	onWorker := func(name string) func(*errand.Spec) { return func(s *errand.Spec) { s.Worker = name } }
	none := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann", Queues: []string{"gone"}}}
	_, ofNone := w.svc.Register(w.ctx, none, errand.Registration{Slots: 1})
	for what, tt := range map[string]struct {
		err, same error // the same error is of a name that doesn't exist
		code      errand.Code
	}{
		"job in a foreign queue":       {create(inQueue("secret-q")), create(inQueue("nothing")), errand.CodeForbidden},
		"worker of a foreign queue":    {register("secret-q"), register("nothing"), errand.CodeForbidden},
		"job for a foreign worker":     {create(onWorker("worker-secret")), create(onWorker("nothing")), errand.CodeInvalidField},
		"a worker in part foreign":     {create(inQueue("other"), onWorker(both.id)), nil, errand.CodeInvalidField},
		"replacing a worker":           {replaced, nil, errand.CodeForbidden},
		"a token of a queue that went": {ofNone, nil, errand.CodeForbidden},
	} {
		wantCode(t, tt.err, tt.code)
		text := fmt.Sprint(tt.err)
		for _, name := range []string{"secret-q", "worker-secret"} {
			if strings.Contains(strings.ReplaceAll(text, strconv.Quote(name), ""), name) { // but for what was asked
				t.Errorf("%s: %s", what, text)
			}
		}
		if tt.same != nil && strings.NewReplacer("secret-q", "X", "worker-secret", "X").Replace(text) != strings.ReplaceAll(tt.same.Error(), "nothing", "X") {
			t.Errorf("%s: %s, but of what doesn't exist: %v", what, text, tt.same)
		}
	}
	if err := create(inQueue("mine"), onWorker(both.id)); err != nil {
		t.Error(err)
	}
	for id, want := range map[string][]string{both.id: {"mine"}, w.worker("all").id: {"mine", "other"}} {
		k, err := w.svc.Store.Worker(w.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if seen, err := w.svc.QueuesSeen(w.ctx, c, k); err != nil || !slices.Equal(seen, want) {
			t.Errorf("worker %s is shown with the queues %v, %v; want %v", id, seen, err, want)
		}
	}
}
