package flow

import (
	"runtime"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// TestLostAnswer: a worker that repeats a poll ID gets the same attempt, as long as
// no other worker has the job.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(1))
	k := w.worker("a")
	first, err := k.poll("p")
	wantCode(t, err, "")
	for range 3 {
		w.clock.Advance(20 * time.Second) // the short lease is 30 s: each answer renews it
		again, err := k.poll("p")
		wantCode(t, err, "")
		if again == nil || again.JobID != first.JobID || again.Attempt != 1 {
			t.Fatalf("asked again: %+v, want attempt 1 of %s", again, first.JobID)
		}
	}
	if other := w.worker("b").take(false); other != nil {
		t.Fatalf("another worker got %+v", other)
	}
	w.want(job.Spec.ID, errand.Running, "", 1)
}

// TestUnacceptedAttemptsAreFree: a job with one attempt survives any number of lost
// responses to workers that died.
func TestUnacceptedAttemptsAreFree(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(1))
	for range 5 {
		w.worker("dies").take(true)
		w.clock.Advance(time.Minute)
	}
	k := w.worker("lives")
	a := k.take(true)
	k.beat(a)
	if _, err := k.submit(a, 7); err != nil {
		t.Fatal(err)
	}
	w.want(job.Spec.ID, errand.Completed, "", 6)
	if code := w.job(job.Spec.ID).State.ExitCode; code == nil || *code != 7 {
		t.Errorf("exit code %v, want 7", code)
	}
}

// TestRevival: a heartbeat with the current attempt revives a lapsed lease, and
// so does a result, also of a job that was presumed lost.
func TestRevival(t *testing.T) {
	t.Run("heartbeat", func(t *testing.T) {
		w := newWorld(t)
		job := w.create()
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		w.clock.Advance(time.Hour)
		w.want(job.Spec.ID, errand.Failed, errand.ReasonLost, 1) // as a reader sees it
		if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
			t.Errorf("order %q, want continue", o.Order)
		}
		w.want(job.Spec.ID, errand.Running, "", 1)
	})
	t.Run("not by commands that have ended", func(t *testing.T) {
		w := newWorld(t)
		job := w.create()
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		w.clock.Advance(time.Hour)
		beat, err := k.svc.Heartbeat(k.ctx, k.caller, errand.Heartbeat{
			WorkerID: k.id, Epoch: k.epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: 1, Ended: true, RenewWrites: true}},
		})
		if err != nil || len(beat.Orders) != 1 || beat.Orders[0].Order != errand.OrderContinue || beat.Orders[0].Write == nil {
			t.Errorf("heartbeat %+v, %v, want a grant for the log", beat, err)
		}
		w.want(job.Spec.ID, errand.Failed, errand.ReasonLost, 1)
		if _, err := k.fail(a, errand.ReasonAgentRestarted); err != nil {
			t.Fatal(err)
		}
		w.want(job.Spec.ID, errand.Failed, errand.ReasonAgentRestarted, 1)
	})
	t.Run("result after lost was written", func(t *testing.T) {
		w := newWorld(t)
		job := w.create()
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		w.clock.Advance(time.Hour)
		if r := w.sweep(); r.Lost != 1 {
			t.Fatalf("sweep %+v, want one lost", r)
		}
		if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
			t.Errorf("order %q, want continue: the loss is a presumption", o.Order)
		}
		status, err := k.submit(a, 0)
		if err != nil || status != errand.Completed {
			t.Fatalf("submit: %s, %v", status, err)
		}
		w.want(job.Spec.ID, errand.Completed, "", 1)
	})
	t.Run("not when another has it", func(t *testing.T) {
		w := newWorld(t)
		job := w.create(attempts(2))
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		w.clock.Advance(time.Hour)
		b := w.worker("b")
		second := b.take(true)
		if o := k.beat(a)[0]; o.Order != errand.OrderAbandon {
			t.Errorf("order %q, want abandon", o.Order)
		}
		_, err := k.submit(a, 0)
		wantCode(t, err, errand.CodeStaleAttempt)
		b.beat(second)
		if _, err := b.submit(second, 3); err != nil {
			t.Fatal(err)
		}
		w.want(job.Spec.ID, errand.Completed, "", 2)
	})
}

// TestHeldHeartbeatWakes: a held heartbeat brings a new order at once. No time passes on
// its clock.
func TestHeldHeartbeatWakes(t *testing.T) {
	for name, tt := range map[string]struct {
		early  bool // the change comes before the heartbeat
		change func(w *world, id string) error
		want   func(o errand.Order) bool
	}{
		"watched since before": {
			true,
			func(w *world, id string) error {
				_, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: id})
				return err
			},
			func(o errand.Order) bool { return o.Order == errand.OrderContinue && o.Watched },
		},
		"cancelled": {
			false,
			func(w *world, id string) error { _, err := w.svc.Cancel(w.ctx, w.user, id); return err },
			func(o errand.Order) bool { return o.Order == errand.OrderCancel },
		},
		"watched": {
			false,
			func(w *world, id string) error {
				_, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: id})
				return err
			},
			func(o errand.Order) bool { return o.Order == errand.OrderContinue && o.Watched },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job := w.create()
			k := w.worker("a")
			a := k.take(true)
			k.beat(a)
			reads := func() int64 { return w.stack.Usage()["dynamodb.GetItem"].Calls }
			if tt.early {
				if err := tt.change(w, job.Spec.ID); err != nil {
					t.Fatal(err)
				}
			}
			before := reads()
			answers := make(chan errand.HeartbeatAnswer, 1)
			go func() {
				h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt}}}
				answer, err := k.svc.HeldHeartbeat(w.ctx, k.caller, h, time.Minute)
				if err != nil {
					t.Error(err)
				}
				answers <- answer
			}()
			for !tt.early && reads() < before+2 { // of the worker and of the job: the heartbeat is held
				runtime.Gosched()
			}
			if !tt.early {
				if err := tt.change(w, job.Spec.ID); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case answer := <-answers:
				if len(answer.Orders) != 1 || !tt.want(answer.Orders[0]) {
					t.Errorf("orders %+v", answer.Orders)
				}
			case <-time.After(time.Minute): // of real time
				t.Error("the heartbeat is still held, on a clock that stands still")
			}
		})
	}
}

// TestSubmitTwice: a repeated report gets the same response. Another report of the
// same attempt has no effect.
func TestSubmitTwice(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	k := w.worker("a")
	a := k.take(true)
	for _, code := range []int{4, 4, 0} {
		status, err := k.submit(a, code)
		if err != nil || status != errand.Completed {
			t.Fatalf("submit: %s, %v", status, err)
		}
	}
	if status, err := k.fail(a, errand.ReasonTimedOut); err != nil || status != errand.Completed {
		t.Errorf("failure after the result: %s, %v", status, err)
	}
	if got := w.job(job.Spec.ID); *got.State.ExitCode != 4 || got.Result.ExitCode != 4 {
		t.Errorf("exit code %d, result %d, want the first: 4", *got.State.ExitCode, got.Result.ExitCode)
	}
}

// TestSubmitUnderFaults: whatever fails, the worker's retry ends the job once, and
// deletes its ticket.
func TestSubmitUnderFaults(t *testing.T) {
	for _, op := range []string{"PutResult", "PutState", "Delete"} {
		for _, applied := range []bool{false, true} {
			w := newWorld(t)
			job := w.create()
			k := w.worker("a")
			a := k.take(true)
			k.beat(a)
			w.faults.set(op, applied)
			_, err := k.submitLarge(a, 5)
			if !w.faults.happened() {
				t.Fatalf("%s was not called", op)
			}
			if err != nil {
				_, err = k.submitLarge(a, 5)
			}
			wantCode(t, err, "")
			w.want(job.Spec.ID, errand.Completed, "", 1)
			w.clock.Advance(time.Hour) // the ticket shows again, if it is there
			w.worker("b").take(false)
			if n := w.tickets(); n != 0 {
				t.Errorf("%s failed (applied: %v): %d tickets left", op, applied, n)
			}
		}
	}
}

// TestWorkerStopped: a worker that is stopped, or fails by its own fault, returns a
// job at once if attempts are left. Otherwise the job fails.
func TestWorkerStopped(t *testing.T) {
	for _, reason := range []errand.Reason{
		errand.ReasonWorkerStopped, errand.ReasonAgentError, errand.ReasonAgentRestarted, errand.ReasonMachineRestarted, errand.ReasonLost,
	} {
		t.Run(string(reason), func(t *testing.T) { testWorkerStopped(t, reason) })
	}
}

func testWorkerStopped(t *testing.T, reason errand.Reason) {
	w := newWorld(t)
	again, once := w.create(attempts(2)), w.create()
	k := w.worker("a")
	a, b := k.take(true), k.take(true)
	if a.JobID != again.Spec.ID { // across groups the hostile profile keeps no order
		a, b = b, a
	}
	k.beat(a, b)
	if status, err := k.fail(a, reason); err != nil || status != errand.Pending {
		t.Errorf("with attempts left: %s, %v, want pending", status, err)
	}
	if status, err := k.fail(b, reason); err != nil || status != errand.Failed {
		t.Errorf("with none left: %s, %v, want failed", status, err)
	}
	w.want(once.Spec.ID, errand.Failed, reason, 1)
	if got := w.worker("b").take(true); got.JobID != again.Spec.ID || got.Attempt != 2 {
		t.Errorf("the next worker got %s attempt %d, want %s attempt 2", got.JobID, got.Attempt, again.Spec.ID)
	}
}

// TestRestartedBeforeAcceptance: an agent that was restarted before any heartbeat named
// its attempt had not begun the commands: the job runs again and the attempt doesn't
// count, however often the report comes.
func TestRestartedBeforeAcceptance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job, cancelled := w.create(), w.create()
	k := w.worker("a")
	a, b := k.take(true), k.take(true)
	if a.JobID != job.Spec.ID {
		a, b = b, a
	}
	if _, err := w.svc.Cancel(w.ctx, w.user, cancelled.Spec.ID); err != nil {
		t.Fatal(err)
	}
	k = w.worker("a")
	for range 2 {
		if status, err := k.fail(a, errand.ReasonAgentRestarted); err != nil || status != errand.Pending {
			t.Errorf("reported as restarted: %s, %v, want pending", status, err)
		}
	}
	if status, err := k.fail(b, errand.ReasonMachineRestarted); err != nil || status != errand.Cancelled {
		t.Errorf("of a job that is being cancelled: %s, %v, want cancelled", status, err)
	}
	again := k.take(true)
	if again.JobID != job.Spec.ID || again.Attempt != 2 {
		t.Fatalf("got %s attempt %d, want %s attempt 2", again.JobID, again.Attempt, job.Spec.ID)
	}
	k.beat(again)
	if status, err := k.fail(again, errand.ReasonAgentRestarted); err != nil || status != errand.Failed {
		t.Errorf("after acceptance: %s, %v, want failed", status, err)
	}
}

// TestSuperseded: a copied data directory registers the same worker again. From then
// on the first process is refused everywhere, and no job runs twice.
func TestSuperseded(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(2))
	first := w.worker("a")
	a := first.take(true)
	first.beat(a)

	clone := w.worker("a")
	_, err := first.poll("other")
	wantCode(t, err, errand.CodeSuperseded)
	_, err = first.svc.Heartbeat(w.ctx, first.caller, errand.Heartbeat{WorkerID: first.id, Epoch: first.epoch})
	wantCode(t, err, errand.CodeSuperseded)
	_, err = first.submit(a, 0)
	wantCode(t, err, errand.CodeSuperseded)

	clone.take(false) // the lease of the first process is alive
	w.want(job.Spec.ID, errand.Running, "", 1)
	w.clock.Advance(time.Hour)
	if b := clone.take(true); b.Attempt != 2 {
		t.Errorf("attempt %d, want 2", b.Attempt)
	}
	if w.worker("b").id == clone.id {
		t.Fatal("another name, the same worker")
	}
}

// TestThirteenHours: a job that runs longer than SQS can hide a message.
func TestThirteenHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create(attempts(1))
	k, other := w.worker("a"), w.worker("other")
	a := k.take(true)
	for range 13 * 60 {
		if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
			t.Fatalf("order %q after %v", o.Order, w.clock.Now().Sub(job.State.CreatedAt))
		}
		w.clock.Advance(time.Minute)
		if w.clock.Now().Minute()%7 == 0 {
			other.take(false)
			w.sweep()
		}
	}
	k.beat(a)
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	w.want(job.Spec.ID, errand.Completed, "", 1)
	w.clock.Advance(13 * time.Hour)
	other.take(false)
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets left", n)
	}
}

// TestOneAttemptsTrouble: an attempt whose state can't be written leaves the others'
// leases alone. If that is the only one, the heartbeat fails.
func TestOneAttemptsTrouble(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.create()
	k := w.worker("a")
	one, two := k.take(true), k.take(true)
	w.faults.set("PutState", false)
	orders := k.beat(one, two)
	if len(orders) != 1 || orders[0].Order != errand.OrderContinue || orders[0].LeaseSeconds != 300 {
		t.Fatalf("orders %+v, want one of the two", orders)
	}
	w.clock.Advance(time.Minute) // the short leases end
	failed := one
	if orders[0].JobID == one.JobID {
		failed = two
	}
	w.want(orders[0].JobID, errand.Running, "", 1)
	w.want(failed.JobID, errand.Pending, "", 1)
	if orders = k.beat(one, two); len(orders) != 2 || orders[0].JobID != one.JobID || orders[1].JobID != two.JobID {
		t.Errorf("orders %+v, want both in the holds' order", orders)
	}
	w.want(failed.JobID, errand.Running, "", 1)
	w.faults.set("PutState", false)
	h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch, Holds: []errand.Hold{{JobID: one.JobID, Attempt: 1}}}
	_, err := k.svc.Heartbeat(k.ctx, k.caller, h)
	wantCode(t, err, errand.CodeUnavailable)
}

// TestAttemptsAreTold: who follows a job learns at once, with a request that is held,
// that its worker fell silent, that the attempt ended and why, and that the next began.
func TestAttemptsAreTold(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(2))
	k := w.worker("a")
	a := k.take(true)
	k.beat(a)
	state := ""
	next := func() control.LogPage {
		t.Helper()
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Wait: 20 * time.Second, State: state})
		if err != nil || page.State == state {
			t.Fatalf("page %+v, %v: no other state", page, err)
		}
		state = page.State
		return page
	}
	page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID})
	wantCode(t, err, "")
	state = page.State
	if len(page.Attempts) != 1 || page.Silence != nil || page.Attempts[0].WorkerID != k.id || page.Attempts[0].WorkerName != k.id {
		t.Fatalf("page %+v", page)
	}
	w.clock.Advance(24 * time.Second)
	if s := next().Silence; s == nil || s.Seconds != 24 || !s.WillRetry || s.LeaseEndsAt.Sub(w.clock.Now()) != w.svc.Timing.Lease-24*time.Second {
		t.Errorf("silence %+v", s)
	}
	k.beat(a)
	if s := next().Silence; s != nil {
		t.Errorf("silence %+v after a heartbeat", s)
	}
	if _, err := k.fail(a, errand.ReasonAgentError); err != nil {
		t.Fatal(err)
	}
	page = next()
	if page.Status != errand.Pending || len(page.Attempts) != 1 || page.Attempts[0].Reason != errand.ReasonAgentError || page.Attempts[0].Error != "it went wrong" || page.Attempts[0].EndedAt.IsZero() {
		t.Errorf("after the failure: %+v", page)
	}
	other := w.worker("b")
	b := other.take(true)
	page = next()
	if page.Status != errand.Running || len(page.Attempts) != 2 || page.Attempts[1].WorkerID != other.id {
		t.Errorf("after the second start: %+v", page)
	}
	other.beat(b)
	if _, err := other.submit(b, 7); err != nil {
		t.Fatal(err)
	}
	st := w.job(job.Spec.ID).State
	if all := st.Attempts(); len(all) != 2 || all[1].EndedAt.IsZero() || all[1].Reason != "" {
		t.Errorf("in the end: %+v", all)
	}
}

// TestStoppedWorkerIsOffline: at once, although a heartbeat that was sent before arrives
// later, and until it starts again.
func TestStoppedWorkerIsOffline(t *testing.T) {
	w := newWorld(t)
	k := w.worker("a")
	online := func() bool {
		t.Helper()
		stored, err := w.rawStore().Worker(w.ctx, k.id)
		wantCode(t, err, "")
		return stored.Online(w.clock.Now())
	}
	for _, stopped := range []bool{false, true, false} {
		h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch, Draining: true, Stopped: stopped}
		if _, err := k.svc.Heartbeat(k.ctx, k.caller, h); err != nil {
			t.Fatal(err)
		}
		if stopped && online() {
			t.Error("online after its last heartbeat")
		}
	}
	if online() {
		t.Error("online after a late heartbeat")
	}
	if w.worker("a"); !online() {
		t.Error("offline after its next start")
	}
}
