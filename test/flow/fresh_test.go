package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/localstack"
)

// The tests below have the rows of ADR 22: what finds a job at which the sweep has not
// looked yet.

// TestFirstLook: the sweep's first look at a job whose ticket was lost fails to be written,
// or is written though it failed. Either way the job has one ticket, is listed once, and
// the sweep looks again only if it must.
func TestFirstLook(t *testing.T) {
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.faults.set("Send", false)
			job := w.create()
			w.clock.Advance(time.Minute)
			w.faults.set("PutState", applied)
			if r := w.sweep(); r.Looked != 1 || !w.faults.happened() {
				t.Errorf("the first sweep: %+v", r)
			}
			want := control.SweepReport{Looked: 1, Resent: 1}
			if applied {
				want = control.SweepReport{}
			}
			if r := w.sweep(); r != want {
				t.Errorf("the next sweep: %+v, want %+v", r, want)
			}
			if n := w.tickets(); n != 1 {
				t.Errorf("%d tickets, want 1", n)
			}
			w.waitForIndexes()
			w.wantList(w.user, control.JobFilter{Limit: 5, Status: errand.Pending}, []string{job.Spec.ID})
			k := w.worker("a")
			a := k.take(true)
			w.waitForIndexes()
			w.wantList(w.user, control.JobFilter{Limit: 5, Status: errand.Running}, []string{job.Spec.ID})
			if _, err := k.submit(a, 0); err != nil {
				t.Fatal(err)
			}
			w.waitForIndexes()
			w.wantList(w.user, control.JobFilter{Limit: 5, Status: errand.Running}, nil)
			w.clock.Advance(24 * time.Hour)
			if r := w.sweep(); r.Looked != 0 {
				t.Errorf("the sweep looked at a job that is over: %+v", r)
			}
		})
	}
}

// TestCreatedWithoutAnswer: a job whose creation failed though it was written, and whose
// creator doesn't try again, has no ticket. The sweep sends it.
func TestCreatedWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.faults.set("CreateJob", true)
	_, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}}, control.CreateOptions{})
	wantCode(t, err, errand.CodeUnavailable)
	w.clock.Advance(time.Minute)
	if r := w.sweep(); r.Resent != 1 {
		t.Errorf("sweep %+v, want one ticket", r)
	}
	w.worker("a").take(true)
}

// TestFreshJobLost: a worker dies in a job's first minute, and no other asks for work. The
// sweep finds the end of its lease, whether that is before its first look or after.
func TestFreshJobLost(t *testing.T) {
	for name, lease := range map[string]int{"before": 20, "after": 300} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			job := w.create(func(s *errand.Spec) { s.LeaseSeconds = lease })
			k := w.worker("a")
			k.beat(k.take(true))
			lost := 0
			for range 7 {
				w.clock.Advance(time.Minute)
				lost += w.sweep().Lost
			}
			if lost != 1 {
				t.Errorf("%d jobs lost, want 1", lost)
			}
			w.want(job.Spec.ID, errand.Failed, errand.ReasonLost, 1)
		})
	}
}

// TestLateEntries: the indexes lag behind by up to ten minutes. No job whose ticket was lost
// is missed: a sweep finds each when its entry has come, and sends one ticket.
func TestLateEntries(t *testing.T) {
	t.Parallel()
	const jobs, lag = 5, 10 * time.Minute
	h := &localstack.Hostile{Seed: 1}
	h.DynamoDB.IndexLag, h.DynamoDB.IndexLagMost = 1, lag
	w := newWorldOf(t, h)
	for range jobs {
		w.clock.Advance(time.Second)
		w.faults.set("Send", false)
		w.create()
	}
	resent := 0
	for range int((lag + 2*time.Minute) / time.Minute) {
		w.clock.Advance(time.Minute)
		resent += w.sweep().Resent
	}
	if w.stack.Hostility()["dynamodb.indexLag"] == 0 {
		t.Error("no index lagged behind")
	}
	if n := w.tickets(); resent != jobs || n != jobs {
		t.Errorf("%d tickets sent again, and %d in the queue, want %d", resent, n, jobs)
	}
}

// TestDueInTurns: a job at which the sweep has not looked yet is found before the last of
// many others that are due.
func TestDueInTurns(t *testing.T) {
	t.Parallel()
	const others = 450 // more than a page of each shard
	w := newWorld(t)
	s := w.rawStore()
	fresh := w.create().Spec.ID
	now := w.clock.Now()
	for range others {
		spec := &errand.Spec{
			ID: w.svc.NewID(now), Owner: "ann", Commands: []errand.Command{{Shell: "true"}}, Queue: errand.DefaultQueue,
			MaxAttempts: 1, LeaseSeconds: 300, CreatedAt: now, NotBefore: now.Add(time.Second),
		}
		if err := s.CreateJob(w.ctx, spec, errand.NewState(spec, w.svc.Timing)); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Hour)
	n, found := 0, 0
	err := s.Due(w.ctx, w.clock.Now(), func(r control.DueRecord) bool {
		if n++; r.JobID == fresh {
			found = n
		}
		return true
	})
	if err != nil || found == 0 || found >= n || n < others+1 {
		t.Errorf("found as number %d of %d, %v", found, n, err)
	}
}
