package flow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// TestSyncTakesSeveral: a worker gets as many jobs as it asks for, but of a group one
// after the other, in the order of their creation.
func TestSyncTakesSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	group := group("deploy")
	grouped := []string{w.create(group).Spec.ID, w.create(group).Spec.ID, w.create(group).Spec.ID}
	single := []string{w.create().Spec.ID, w.create().Spec.ID}
	taken := map[string]*errand.Assignment{}
	take := func(count int, reports ...control.AttemptReport) (n int) {
		t.Helper()
		all := k.syncTake(count, reports...)
		for _, a := range all {
			if taken[a.JobID] != nil || a.Attempt != 1 {
				t.Fatalf("attempt %d of %s was given", a.Attempt, a.JobID)
			}
			taken[a.JobID] = a
		}
		return len(all)
	}
	n := take(5)
	for try := 0; hostile() && n < 3 && try < 5; try++ { // it gives out fewer, and hides others for a while
		k.beat(slices.Collect(maps.Values(taken))...)
		w.clock.Advance(w.svc.Timing.ShortLease + takeSlack)
		n += take(5)
	}
	if n != 3 {
		t.Fatalf("got %d jobs, want 3", n)
	}
	for _, id := range append(slices.Clone(single), grouped[0]) {
		if taken[id] == nil {
			t.Fatalf("job %s was not given", id)
		}
	}
	if n := take(5); n != 0 {
		t.Fatalf("got %d more, though the first of the group runs", n)
	}
	// Reported and asked for the next in one.
	for i, id := range grouped[:2] {
		if n := take(5, done(taken[id], 0)); n != 1 || taken[grouped[i+1]] == nil {
			t.Fatalf("after job %d of the group: %d", i, n)
		}
		w.want(id, errand.Completed, "", 1)
	}
	if n := take(5, done(taken[grouped[2]], 0), done(taken[single[0]], 1), done(taken[single[1]], 2)); n != 0 {
		t.Errorf("got %d more", n)
	}
	if code := w.job(single[1]).State.ExitCode; code == nil || *code != 2 {
		t.Errorf("exit code %v, want 2", code)
	}
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets are left", n)
	}
}

// TestSyncUnderFaults: whatever fails, a worker that repeats its sync gets each job once,
// and reports each once.
func TestSyncUnderFaults(t *testing.T) {
	t.Parallel()
	const jobs = 3
	for _, op := range []string{"Receive", "Job", "PutWorker", "PutState", "PutResult", "Delete", "Hide"} {
		for _, applied := range []bool{false, true} {
			for _, when := range []string{"ask", "report"} {
				t.Run(fmt.Sprintf("%s/%s/applied=%v", when, op, applied), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					k := w.worker("a")
					for range jobs {
						w.create()
					}
					if op == "Hide" {
						w.create(group("g"))
						w.create(group("g"))
					}
					if when == "ask" {
						w.faults.set(op, applied)
					}
					taken := takeAll(t, k, jobs)
					if when == "report" {
						w.faults.set(op, applied)
					}
					reportAll(t, k, taken)
				})
			}
		}
	}
}

// takeAll asks until there were that many jobs and no more, as an agent does: it repeats
// a question that failed.
func takeAll(t *testing.T, k *worker, want int) (taken []*errand.Assignment) {
	t.Helper()
	for poll, waited := 0, false; ; poll++ {
		id := fmt.Sprintf("poll-%d", poll)
		answer, err := k.sync(id, 10)
		if err != nil {
			answer, err = k.sync(id, 10)
		}
		wantCode(t, err, "")
		for _, a := range answer.Attempts {
			if slices.ContainsFunc(taken, func(b *errand.Assignment) bool { return b.JobID == a.JobID }) || a.Attempt != 1 {
				t.Fatalf("attempt %d of job %s was given", a.Attempt, a.JobID)
			}
			taken = append(taken, a)
		}
		if len(answer.Attempts) > 0 {
			continue
		}
		if len(taken) >= want {
			return taken
		}
		if waited {
			t.Fatalf("got %d jobs, want %d", len(taken), want)
		}
		k.beat(taken...)
		k.clock.Advance(k.svc.Timing.ShortLease + takeSlack) // what failed may have left tickets hidden
		waited = true
	}
}

const takeSlack = 6 * time.Second

func reportAll(t *testing.T, k *worker, taken []*errand.Assignment) {
	t.Helper()
	var reports []control.AttemptReport
	for i, a := range taken {
		result := largeResult(i)
		reports = append(reports, control.AttemptReport{AttemptID: errand.AttemptID{JobID: a.JobID, Attempt: a.Attempt}, Result: &result})
	}
	for try := 0; ; try++ {
		answer, err := k.sync("report", 1, reports...)
		if try == 1 {
			wantCode(t, err, "")
		}
		failed := err != nil || slices.ContainsFunc(answer.Reports, func(r control.ReportAnswer) bool { return r.Err != nil })
		if !failed {
			break
		}
		if try == 1 {
			t.Fatalf("reports %+v", answer.Reports)
		}
	}
	k.faults.set("", false) // the checks call the same operations
	for i, a := range taken {
		k.want(a.JobID, errand.Completed, "", 1)
		if code := k.job(a.JobID).State.ExitCode; code == nil || *code != i {
			t.Errorf("exit code %v, want %d", code, i)
		}
	}
}

// TestSyncOfALaterEpoch: the answer to a sync is given again to the process that asked,
// and to none after it, which may run on a copy of the disk: the first may have started
// the job.
func TestSyncOfALaterEpoch(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]bool{"heard of": true, "not heard of": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			job := w.create()
			k := w.worker("a")
			ask := func(k *worker) []*errand.Assignment {
				t.Helper()
				answer, err := k.sync("poll", 2)
				wantCode(t, err, "")
				return answer.Attempts
			}
			for range 2 {
				a := ask(k)
				if len(a) != 1 || a[0].JobID != job.Spec.ID || a[0].Attempt != 1 {
					t.Fatalf("got %+v", a)
				}
				if accept {
					k.beat(a[0])
				}
			}
			later := w.worker("a")
			if a := ask(later); len(a) != 0 {
				t.Errorf("a later process got %+v", a[0])
			}
			if a, err := later.poll("poll"); err != nil || a != nil {
				t.Errorf("a later process got %+v, %v", a, err)
			}
			w.clock.Advance(time.Hour)
			for _, k := range []*worker{later, w.worker("b")} {
				if a := k.take(false); a != nil {
					t.Errorf("got %+v", a)
				}
			}
			if accept {
				w.want(job.Spec.ID, errand.Failed, errand.ReasonLost, 1)
			} else {
				w.want(job.Spec.ID, errand.Failed, errand.ReasonNeverReported, 1)
			}
			// The end was presumed: the true one replaces it.
			status, err := later.submit(&errand.Assignment{JobID: job.Spec.ID, Attempt: 1}, 4)
			wantCode(t, err, "")
			if status != errand.Completed {
				t.Errorf("reported as %s", status)
			}
		})
	}
}

// TestSyncRefusals: what is wrong with one report leaves the others and the question
// alone.
func TestSyncRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create()
	k := w.worker("a")
	a := k.syncTake(1)[0]
	next := w.create().Spec.ID
	answer, err := k.sync("next", 1, done(&errand.Assignment{JobID: a.JobID, Attempt: 2}, 0), done(a, 3), done(&errand.Assignment{JobID: ghost, Attempt: 1}, 0))
	wantCode(t, err, "")
	if len(answer.Attempts) != 1 || answer.Attempts[0].JobID != next {
		t.Errorf("got %+v, want %s", answer.Attempts, next)
	}
	for i, want := range []errand.Code{errand.CodeStaleAttempt, "", errand.CodeJobNotFound} {
		if got := errand.CodeOf(answer.Reports[i].Err); got != want {
			t.Errorf("report %d: %q, want %q", i, got, want)
		}
	}
	if answer.Reports[1].Status != errand.Completed {
		t.Errorf("status %q", answer.Reports[1].Status)
	}
	for field, r := range map[string]control.SyncRequest{
		"pollId":     {PollID: "a b", Count: 1},
		"count":      {PollID: "p", Count: 11},
		"reports":    {Reports: make([]control.AttemptReport, errand.MaxReports+1)},
		"reports[0]": {Reports: make([]control.AttemptReport, 1)},
	} {
		r.WorkerID, r.Epoch = k.id, k.epoch
		_, err := k.svc.Sync(w.ctx, k.caller, r)
		wantCode(t, err, errand.CodeInvalidField)
		var e *errand.Error
		if !errors.As(err, &e) || e.Field != field {
			t.Errorf("%+v: field %q, want %q", r, e.Field, field)
		}
	}
	_, err = k.svc.Sync(w.ctx, k.caller, control.SyncRequest{WorkerID: k.id, Epoch: k.epoch + 1})
	wantCode(t, err, errand.CodeInvalidField)
	w.worker("a")
	_, err = k.sync("late", 1)
	wantCode(t, err, errand.CodeSuperseded)
}
