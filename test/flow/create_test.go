package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func spec(command string) errand.Spec {
	return errand.Spec{Commands: []errand.Command{{Shell: command}}}
}

// TestIdempotencyKey: one key, one job; another body is refused; another owner's
// key is another key; after 24 hours it is free.
func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	first, err := w.svc.CreateJob(w.ctx, w.user, spec("make"), control.CreateOptions{Key: "key-1"})
	wantCode(t, err, "")
	again, err := w.svc.CreateJob(w.ctx, w.user, spec("make"), control.CreateOptions{Key: "key-1"})
	wantCode(t, err, "")
	if again.Spec.ID != first.Spec.ID {
		t.Errorf("the same request made job %s, then %s", first.Spec.ID, again.Spec.ID)
	}
	_, err = w.svc.CreateJob(w.ctx, w.user, spec("make test"), control.CreateOptions{Key: "key-1"})
	wantCode(t, err, errand.CodeIdempotencyMismatch)

	bob := w.user
	bob.Owner = "bob"
	other, err := w.svc.CreateJob(w.ctx, bob, spec("make test"), control.CreateOptions{Key: "key-1"})
	wantCode(t, err, "")
	if other.Spec.ID == first.Spec.ID {
		t.Error("two owners' keys made one job")
	}
	w.clock.Advance(25 * time.Hour)
	later, err := w.svc.CreateJob(w.ctx, w.user, spec("make test"), control.CreateOptions{Key: "key-1"})
	wantCode(t, err, "")
	if later.Spec.ID == first.Spec.ID {
		t.Error("the key is held for longer than 24 hours")
	}
}

// TestCreateUnderFaults: a create that failed anywhere is repeated with its key
// and makes one job, with one ticket.
func TestCreateUnderFaults(t *testing.T) {
	for _, op := range []string{"Claim", "CreateJob", "Send"} {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/applied=%v", op, applied), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.faults.set(op, applied)
				_, err := w.svc.CreateJob(w.ctx, w.user, spec("make"), control.CreateOptions{Key: "key"})
				if !w.faults.happened() {
					t.Fatalf("%s was not called", op)
				}
				if (err != nil) != (op != "Send") {
					t.Fatalf("create: %v", err)
				}
				job, err := w.svc.CreateJob(w.ctx, w.user, spec("make"), control.CreateOptions{Key: "key"})
				wantCode(t, err, "")
				w.clock.Advance(time.Minute)
				w.sweep()
				page, err := w.list(control.JobFilter{})
				wantCode(t, err, "")
				if len(page.Jobs) != 1 || w.tickets() != 1 {
					t.Errorf("%d jobs and %d tickets, want one of each", len(page.Jobs), w.tickets())
				}
				if a := w.worker("a").take(true); a.JobID != job.Spec.ID {
					t.Errorf("got %s, want %s", a.JobID, job.Spec.ID)
				}
			})
		}
	}
}

// TestOwners: what belongs to another doesn't exist.
func TestOwners(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	bob := w.user
	bob.Owner = "bob"
	_, err := w.svc.Job(w.ctx, bob, job.Spec.ID)
	wantCode(t, err, errand.CodeJobNotFound)
	_, err = w.svc.Cancel(w.ctx, bob, job.Spec.ID)
	wantCode(t, err, errand.CodeJobNotFound)
	_, err = w.svc.Logs(w.ctx, bob, control.LogRequest{JobID: job.Spec.ID})
	wantCode(t, err, errand.CodeJobNotFound)
	page, err := w.svc.Jobs(w.ctx, bob, control.JobFilter{})
	wantCode(t, err, "")
	if len(page.Jobs) != 0 {
		t.Errorf("bob sees %d jobs", len(page.Jobs))
	}
	admin := control.Caller{Principal: control.Principal{Role: errand.RoleAdmin, Owner: "root"}}
	if _, err := w.svc.Job(w.ctx, admin, job.Spec.ID); err != nil {
		t.Errorf("an admin: %v", err)
	}
	w.waitForIndexes()
	page, err = w.svc.Jobs(w.ctx, admin, control.JobFilter{})
	wantCode(t, err, "")
	if len(page.Jobs) != 1 {
		t.Errorf("an admin sees %d jobs, want 1", len(page.Jobs))
	}
}

// TestListsPage: newest first, in pages, over months, filtered by derived status.
func TestListsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for range 7 {
		want = append([]string{w.create().Spec.ID}, want...)
		w.clock.Advance(6 * 24 * time.Hour)
	}
	var got []string
	f := control.JobFilter{Limit: 3}
	for {
		page, err := w.list(f)
		wantCode(t, err, "")
		for _, j := range page.Jobs {
			got = append(got, j.Spec.ID)
		}
		if page.Next == "" {
			break
		}
		f.Cursor = page.Next
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	w.sweep() // those older than 13 days fail
	page, err := w.list(control.JobFilter{Status: errand.Pending})
	wantCode(t, err, "")
	if len(page.Jobs) != 2 {
		t.Errorf("%d pending jobs, want 2", len(page.Jobs))
	}
	_, err = w.list(control.JobFilter{Cursor: "page-2"})
	wantCode(t, err, errand.CodeInvalidField)
}

// TestSources: a job may use what its owner uploaded, and nothing else.
func TestSources(t *testing.T) {
	w := newWorld(t)
	s := spec("ls")
	s.Source = &errand.Source{SHA256: strings.Repeat("a", 64)}
	_, err := w.svc.CreateJob(w.ctx, w.user, s, control.CreateOptions{})
	wantCode(t, err, errand.CodeSourceNotFound)
}

// TestListsMerge: more jobs than a batch, over shards and the turn of a month,
// in pages, each job once; with a filter too.
func TestListsMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Advance(6*24*time.Hour + 11*time.Hour) // the last hour of November
	var all, cancelled, pending []string
	for i := range 130 {
		job := w.create()
		all = append(all, job.Spec.ID)
		if i%40 == 5 {
			_, err := w.svc.Cancel(w.ctx, w.user, job.Spec.ID)
			wantCode(t, err, "")
			cancelled = append(cancelled, job.Spec.ID)
		} else {
			pending = append(pending, job.Spec.ID)
		}
		w.clock.Advance(time.Minute)
	}
	admin := control.Caller{Principal: control.Principal{Role: errand.RoleAdmin, Owner: "root"}}
	for _, c := range []control.Caller{w.user, admin} {
		for _, limit := range []int{7, 50, 130, 200} {
			w.wantList(c, control.JobFilter{Limit: limit}, all)
		}
		w.wantList(c, control.JobFilter{Limit: 3, Status: errand.Cancelled}, cancelled)
		w.wantList(c, control.JobFilter{Limit: 3, Status: errand.Pending}, pending)
	}
}

// TestListsOfActiveJobs: the one pending job behind many newer ones that are over is
// found without reading those.
func TestListsOfActiveJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	oldest := w.create().Spec.ID
	for range 120 {
		w.clock.Advance(time.Second)
		_, err := w.svc.Cancel(w.ctx, w.user, w.create().Spec.ID)
		wantCode(t, err, "")
	}
	before := w.stack.Usage()["dynamodb.BatchGetItem"].Calls
	w.wantList(w.user, control.JobFilter{Limit: 1, Status: errand.Pending}, []string{oldest})
	if n := w.stack.Usage()["dynamodb.BatchGetItem"].Calls - before; n > 2 && !hostile() { // a page, and the one after it
		t.Errorf("%d reads of batches of jobs, want at most 2", n)
	}
}

// wantList reads all pages of a list; oldestFirst is what it must hold.
func (w *world) wantList(c control.Caller, f control.JobFilter, oldestFirst []string) {
	w.t.Helper()
	var got []string
	for {
		page, err := w.svc.Jobs(w.ctx, c, f)
		wantCode(w.t, err, "")
		if len(page.Jobs) > f.Limit {
			w.t.Fatalf("%d jobs on a page of %d", len(page.Jobs), f.Limit)
		}
		for _, j := range page.Jobs {
			got = append([]string{j.Spec.ID}, got...)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, oldestFirst) {
		w.t.Errorf("limit %d, status %q: %d jobs, want %d, or in another order", f.Limit, f.Status, len(got), len(oldestFirst))
	}
}
