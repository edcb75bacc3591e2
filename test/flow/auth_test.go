package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// TestBadTokens: an unknown token is the caller's error, whatever it contains.
// DynamoDB would refuse some as keys.
func TestBadTokens(t *testing.T) {
	w := newWorld(t)
	k := w.worker("a")
	good := "erw_" + k.id + "." + strings.Repeat("s", 40)
	p, err := w.svc.Authenticate(w.ctx, good)
	wantCode(t, err, "")
	if p.Role != errand.RoleWorker || p.WorkerID != k.id || p.Owner != "ann" {
		t.Errorf("principal %+v", p)
	}
	for _, token := range []string{
		"", "erw_", "erw_.", "erw_." + strings.Repeat("s", 40), "erw_" + k.id, "erw_" + k.id + ".", good + "s",
		"erw_" + strings.Repeat("x", 3000) + "." + strings.Repeat("s", 40), "eru_" + k.id, strings.Repeat("x", 9000),
	} {
		_, err := w.svc.Authenticate(w.ctx, token)
		wantCode(t, err, errand.CodeUnauthenticated)
	}
}

// TestWorkerTokens: a worker's ID belongs to the token that registered it, and to
// the token's owner. A worker all of whose queues are unknown is refused.
func TestWorkerTokens(t *testing.T) {
	w := newWorld(t)
	k := w.worker("a")
	ann := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	r := errand.Registration{WorkerID: k.id, Token: "erw_" + k.id + "." + strings.Repeat("t", 40)}
	_, err := w.svc.Register(w.ctx, ann, r)
	wantCode(t, err, errand.CodeForbidden)

	bob := ann
	bob.Owner = "bob"
	r.Token = "erw_" + k.id + "." + strings.Repeat("s", 40)
	_, err = w.svc.Register(w.ctx, bob, r)
	wantCode(t, err, errand.CodeWorkerNotFound)

	ann.Queues = []string{"gone"}
	_, err = w.svc.Register(w.ctx, ann, errand.Registration{})
	wantCode(t, err, errand.CodeForbidden)

	for _, epoch := range []int{-1, 0, k.epoch + 1} {
		_, err = w.svc.Heartbeat(w.ctx, k.caller, errand.Heartbeat{WorkerID: k.id, Epoch: epoch})
		wantCode(t, err, errand.CodeInvalidField)
	}
	other := w.worker("b")
	_, err = w.svc.Heartbeat(w.ctx, other.caller, errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch})
	wantCode(t, err, errand.CodeWorkerNotFound)
}

// TestReplacedWorker: a machine that was installed anew takes its ID back with a new
// token, once the old process has stopped or is offline. The old token is void.
func TestReplacedWorker(t *testing.T) {
	w := newWorld(t)
	w.svc.Queues = append(w.svc.Queues, "gpu")
	old := w.worker("a")
	ann := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	token := func(letter string) string { return "erw_" + old.id + "." + strings.Repeat(letter, 40) }
	r := errand.Registration{WorkerID: old.id, Token: token("t"), Replace: true}
	_, err := w.svc.Register(w.ctx, ann, r)
	wantCode(t, err, errand.CodeConflict)

	bob, some := ann, ann
	bob.Owner, some.Queues = "bob", []string{errand.DefaultQueue}
	w.clock.Advance(time.Minute)
	for want, c := range map[errand.Code]control.Caller{errand.CodeWorkerNotFound: bob, errand.CodeForbidden: some} {
		_, err = w.svc.Register(w.ctx, c, r)
		wantCode(t, err, want)
	}
	for range 2 { // again after a lost answer
		out, err := w.svc.Register(w.ctx, ann, r)
		wantCode(t, err, "")
		old.epoch++
		if out.Epoch != old.epoch || out.WorkerID != old.id {
			t.Errorf("registered as %+v", out)
		}
	}
	_, err = w.svc.Authenticate(w.ctx, token("s"))
	wantCode(t, err, errand.CodeUnauthenticated)
	_, err = w.svc.Authenticate(w.ctx, token("t"))
	wantCode(t, err, "")

	r.Token = token("u")
	_, err = w.svc.Heartbeat(w.ctx, old.caller, errand.Heartbeat{WorkerID: old.id, Epoch: old.epoch, Draining: true})
	wantCode(t, err, "")
	_, err = w.svc.Register(w.ctx, ann, r)
	wantCode(t, err, "")
}

// TestListsOfOwners: a user sees the jobs of its owner, whatever is asked for; an admin
// sees all, and those of one owner if it says so.
func TestListsOfOwners(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	ann, bob, admin := w.user, w.user, w.user
	bob.Owner, admin.Owner, admin.Role = "bob", "carol", errand.RoleAdmin
	w.waitForIndexes()
	for _, f := range []control.JobFilter{{}, {Status: errand.Pending}, {Queue: "default"}, {Status: errand.Pending, Queue: "default"}} {
		for _, tt := range []struct {
			caller control.Caller
			owner  string
			sees   int
		}{{ann, "", 1}, {ann, ann.Owner, 1}, {bob, "", 0}, {admin, "", 1}, {admin, ann.Owner, 1}, {admin, "bob", 0}} {
			f.Owner = tt.owner
			page, err := w.svc.Jobs(w.ctx, tt.caller, f)
			wantCode(t, err, "")
			if len(page.Jobs) != tt.sees || tt.sees == 1 && page.Jobs[0].Spec.ID != job.Spec.ID {
				t.Errorf("%s asks for %+v: %d jobs, want %d", tt.caller.Owner, f, len(page.Jobs), tt.sees)
			}
		}
	}
	_, err := w.svc.Jobs(w.ctx, bob, control.JobFilter{Owner: ann.Owner})
	wantCode(t, err, errand.CodeInvalidField)
}

// TestCursorFromTheFuture: it costs as much as the first page, and not a query for
// each month until the year 10889.
func TestCursorFromTheFuture(t *testing.T) {
	normalOnly(t, "it counts calls to AWS")
	w := newWorld(t)
	job := w.create()
	first := w.queries(func() control.JobPage {
		page, err := w.list(control.JobFilter{})
		wantCode(t, err, "")
		return page
	})
	future := w.queries(func() control.JobPage {
		page, err := w.list(control.JobFilter{Cursor: ulid.MustNew(ulid.MaxTime()/8, nil).String()})
		wantCode(t, err, "")
		if len(page.Jobs) != 1 || page.Jobs[0].Spec.ID != job.Spec.ID {
			t.Errorf("page %+v", page)
		}
		return page
	})
	if future != first {
		t.Errorf("%d queries, the first page takes %d", future, first)
	}
}

// queries counts DynamoDB's queries.
func (w *world) queries(f func() control.JobPage) int64 {
	before := w.stack.Usage()["dynamodb.Query"].Calls
	f()
	return w.stack.Usage()["dynamodb.Query"].Calls - before
}

// TestQueueThatWent: a worker that registered for a queue that was removed takes
// jobs from its other queues.
func TestQueueThatWent(t *testing.T) {
	w := newWorld(t)
	k := w.worker("a")
	set := func(queues ...string) {
		t.Helper()
		r, err := w.rawStore().Worker(w.ctx, k.id)
		wantCode(t, err, "")
		r.Queues = queues
		wantCode(t, w.rawStore().PutWorker(w.ctx, r), "")
	}
	w.create()
	set("gone")
	k.take(false)
	set("gone", errand.DefaultQueue)
	k.take(true)
}
