package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// A row of the assignment table: setup brings a job and its ticket into the row's
// case. Then a second worker polls, and check compares the result with the row.
type row struct {
	name  string
	setup func(w *world) (jobID string)
	// What the poll must have brought about, whatever failed on the way.
	status  errand.Status
	reason  errand.Reason
	attempt int
	given   bool     // the job was given to the polling worker
	tickets int      // left in the queue
	needs   []string // operations of store and queue that it takes
}

const ghost = "01JDGH0ST00000000000000000"

func rows() []row {
	lapse := errand.DefaultTiming().Lease + time.Minute
	give := func(w *world, accept bool, change ...func(*errand.Spec)) *errand.Assignment {
		job := w.create(change...)
		k := w.worker("first")
		a := k.take(true)
		if a.JobID != job.Spec.ID {
			w.t.Fatalf("got job %s, want %s", a.JobID, job.Spec.ID)
		}
		if accept {
			k.beat(a)
		}
		return a
	}
	// show makes the ticket of a job that was given out receivable again, as
	// SQS does when its hold has lapsed.
	show := func(w *world, id string) {
		st, err := w.rawStore().State(w.ctx, id)
		if err == nil {
			err = w.rawQueue().Hide(w.ctx, st.Record().Queue, st.Record().Handle, 0)
		}
		if hostile() && err != nil { // the answer was lost, and then there was nothing left to show
			w.t.Logf("show: %v", err)
			err = nil
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	// sync is give by a sync, whose worker is not heard of again.
	sync := func(w *world, change ...func(*errand.Spec)) errand.AttemptID {
		job := w.create(change...)
		a := w.worker("first").syncTake(1)
		if len(a) != 1 || a[0].JobID != job.Spec.ID {
			w.t.Fatalf("got %+v, want job %s", a, job.Spec.ID)
		}
		return errand.AttemptID{JobID: a[0].JobID, Attempt: a[0].Attempt}
	}
	return []row{
		{
			name: "absent", tickets: 0,
			needs: []string{"Receive", "Job", "Delete"},
			setup: func(w *world) string {
				if err := w.rawQueue().Send(w.ctx, errand.DefaultQueue, ghost, ghost, ghost); err != nil {
					w.t.Fatal(err)
				}
				return ""
			},
		},
		{
			name: "terminal", status: errand.Cancelled, reason: errand.ReasonCancelled, attempt: 0, tickets: 0,
			needs: []string{"Receive", "Job", "Delete"},
			setup: func(w *world) string {
				id := w.create().Spec.ID
				if _, err := w.svc.Cancel(w.ctx, w.user, id); err != nil {
					w.t.Fatal(err)
				}
				return id
			},
		},
		{
			name: "pending", status: errand.Running, attempt: 1, given: true, tickets: 1,
			needs: []string{"Receive", "Job", "PutWorker", "PutState"},
			setup: func(w *world) string { return w.create().Spec.ID },
		},
		{
			name: "never accepted, lease over", status: errand.Running, attempt: 2, given: true, tickets: 1,
			needs: []string{"Receive", "Job", "PutWorker", "PutState"},
			setup: func(w *world) string {
				a := give(w, false)
				w.clock.Advance(w.svc.Timing.ShortLease + time.Minute)
				return a.JobID
			},
		},
		{
			name: "lease alive", status: errand.Running, attempt: 1, tickets: 1,
			needs: []string{"Receive", "Job", "PutState", "Hide"},
			setup: func(w *world) string {
				a := give(w, true)
				show(w, a.JobID)
				return a.JobID
			},
		},
		{
			name: "given by a sync, short lease alive", status: errand.Running, attempt: 1, tickets: 1,
			needs: []string{"Receive", "Job", "PutState", "Hide"},
			setup: func(w *world) string {
				a := sync(w)
				show(w, a.JobID)
				return a.JobID
			},
		},
		{
			name: "given by a sync, never heard of, attempts left", status: errand.Running, attempt: 2, given: true, tickets: 1,
			needs: []string{"Receive", "Job", "PutWorker", "PutState"},
			setup: func(w *world) string {
				a := sync(w, attempts(2))
				w.clock.Advance(w.svc.Timing.ShortLease + time.Minute)
				return a.JobID
			},
		},
		{
			name: "given by a sync, never heard of, none left", status: errand.Failed, reason: errand.ReasonNeverReported, attempt: 1, tickets: 0,
			needs: []string{"Receive", "Job", "PutState", "Delete"},
			setup: func(w *world) string {
				a := sync(w)
				w.clock.Advance(w.svc.Timing.ShortLease + time.Minute)
				return a.JobID
			},
		},
		{
			name: "lease over, cancel requested", status: errand.Cancelled, reason: errand.ReasonCancelled, attempt: 1, tickets: 0,
			needs: []string{"Receive", "Job", "PutState", "Delete"},
			setup: func(w *world) string {
				a := give(w, true, attempts(2))
				if _, err := w.svc.Cancel(w.ctx, w.user, a.JobID); err != nil {
					w.t.Fatal(err)
				}
				show(w, a.JobID)
				w.clock.Advance(lapse)
				return a.JobID
			},
		},
		{
			name: "lease over, attempts left", status: errand.Running, attempt: 2, given: true, tickets: 1,
			needs: []string{"Receive", "Job", "PutWorker", "PutState"},
			setup: func(w *world) string {
				a := give(w, true, attempts(2))
				show(w, a.JobID)
				w.clock.Advance(lapse)
				return a.JobID
			},
		},
		{
			name: "lease over, none left", status: errand.Failed, reason: errand.ReasonLost, attempt: 1, tickets: 0,
			needs: []string{"Receive", "Job", "PutState", "Delete"},
			setup: func(w *world) string {
				a := give(w, true)
				show(w, a.JobID)
				w.clock.Advance(lapse)
				return a.JobID
			},
		},
	}
}

// doors are the ways to ask for work.
var doors = map[string]func(k *worker, pollID string) (*errand.Assignment, error){
	"get-job": (*worker).poll,
	"sync": func(k *worker, pollID string) (*errand.Assignment, error) {
		answer, err := k.sync(pollID, 1)
		if len(answer.Attempts) == 0 {
			return nil, err
		}
		return answer.Attempts[0], err
	},
}

// TestAssignmentTable polls once in each row's case.
func TestAssignmentTable(t *testing.T) {
	for _, r := range rows() {
		for door, poll := range doors {
			t.Run(r.name+"/"+door, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				id := r.setup(w)
				k := w.worker("second")
				a, err := poll(k, "poll-1")
				wantCode(t, err, "")
				r.check(w, id, k, a)
			})
		}
	}
}

// TestAssignmentTableUnderFaults makes each call in a row fail once, before and
// after it takes effect. The worker repeats the poll with the same poll ID, as
// agents do after an error. The result must be the same as without the fault, and no
// attempt may be used up.
func TestAssignmentTableUnderFaults(t *testing.T) {
	for _, r := range rows() {
		for _, op := range []string{"Receive", "Job", "PutWorker", "PutState", "Delete", "Hide"} {
			for _, applied := range []bool{false, true} {
				for door, poll := range doors {
					t.Run(fmt.Sprintf("%s/%s/applied=%v/%s", r.name, op, applied, door), func(t *testing.T) {
						t.Parallel()
						r.checkUnderFault(t, op, applied, true, poll)
					})
					if op == "Job" {
						continue // the process that wrote a job a moment ago may do without reading it
					}
					t.Run(fmt.Sprintf("%s/%s/applied=%v/%s/the process that wrote the job", r.name, op, applied, door), func(t *testing.T) {
						t.Parallel()
						r.checkUnderFault(t, op, applied, false, poll)
					})
				}
			}
		}
	}
}

func (r row) checkUnderFault(t *testing.T, op string, applied, otherProcess bool, poll func(*worker, string) (*errand.Assignment, error)) {
	w := newWorld(t)
	id := r.setup(w)
	if otherProcess {
		w = w.otherProcess()
	}
	k := w.worker("second")
	w.faults.set(op, applied)
	a, err := poll(k, "poll-1")
	if got, want := w.faults.happened(), slices.Contains(r.needs, op); got != want {
		t.Fatalf("called %s: %v, want %v", op, got, want)
	} else if !got {
		return // the row does without it
	}
	if err != nil {
		// What failed may have left the ticket hidden until its first hold ends.
		a, err = poll(k, "poll-1")
	}
	if wait := w.svc.Timing.ShortLease + 6*time.Second; err == nil && (a != nil) != r.given {
		w.clock.Advance(wait)
		a, err = poll(k, "poll-1")
	}
	if err != nil {
		t.Fatalf("poll again: %v", err)
	}
	// A ticket whose deletion failed comes again, and goes then.
	if w.tickets() != r.tickets {
		w.clock.Advance(w.svc.Timing.ShortLease + time.Minute)
		if a != nil {
			k.beat(a)
		}
		if _, err := w.worker("third").poll("poll-3"); err != nil {
			t.Fatal(err)
		}
	}
	r.check(w, id, k, a)
}

// check compares the result of a poll with the row.
func (r row) check(w *world, id string, k *worker, a *errand.Assignment) {
	w.t.Helper()
	if n := w.tickets(); n != r.tickets {
		w.t.Errorf("%d tickets are left, want %d", n, r.tickets)
	}
	if (a != nil) != r.given {
		w.t.Fatalf("poll got %+v; want some: %v", a, r.given)
	}
	if id != "" {
		w.want(id, r.status, r.reason, r.attempt)
	}
	if a == nil {
		return
	}
	if a.JobID != id || a.Attempt != r.attempt {
		w.t.Errorf("given job %s attempt %d, want %s attempt %d", a.JobID, a.Attempt, id, r.attempt)
	}
	if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
		w.t.Errorf("order %q for the attempt just given", o.Order)
	}
	if status, err := k.submit(a, 0); err != nil || status != errand.Completed {
		w.t.Errorf("submit: %s, %v", status, err)
	}
	if n := w.tickets(); n != 0 {
		w.t.Errorf("%d tickets are left after the result", n)
	}
}
