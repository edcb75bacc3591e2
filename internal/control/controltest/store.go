package controltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Store tests a store, which may hold records of others.
func Store(t *testing.T, s control.Store) {
	w := storeTest{s}
	t.Run("Jobs", w.storeJobs)
	t.Run("Attempts", w.storeAttempts)
	t.Run("OneWriterWins", w.storeRace)
	t.Run("Lists", w.storeLists)
	t.Run("Fresh", w.storeFresh)
	t.Run("Dependents", w.storeDependents)
	t.Run("Claims", w.storeClaims)
	t.Run("WorkersAndTokens", w.storeWorkers)
	t.Run("Sessions", w.storeSessions)
	t.Run("QueueList", w.storeQueueList)
	t.Run("Kinds", w.storeKinds)
	t.Run("Group", w.storeGroup)
	t.Run("Schedules", w.storeSchedules)
}

// storeTest has the parts of the suite.
type storeTest struct{ store control.Store }

func (w storeTest) storeJobs(t *testing.T) {
	ctx, s := t.Context(), w.store
	_, _, err := s.Job(ctx, NewID())
	wantErr(t, "a job that isn't there", err, control.ErrNotFound)
	spec, state := newJob(NewOwner())
	must(t, s.CreateJob(ctx, spec, state))
	again := *state
	wantErr(t, "the same job again", s.CreateJob(ctx, spec, &again), control.ErrExists)
	gotSpec, gotState, err := s.Job(ctx, spec.ID)
	must(t, err)
	if diff := cmp.Diff(spec, gotSpec) + cmp.Diff(state.Record(), gotState.Record()); diff != "" {
		t.Errorf("read (-wrote +read):\n%s", diff)
	}
	stale := *state
	state.Assign(spec.CreatedAt, errand.Taker{WorkerID: "worker", WorkerName: "box", PollID: "poll", Handle: "handle"}, errand.DefaultTiming())
	must(t, s.PutState(ctx, state))
	wantErr(t, "a write for an older revision", s.PutState(ctx, &stale), control.ErrConflict)
	if got, err := s.State(ctx, spec.ID); err != nil || cmp.Diff(state.Record(), got.Record()) != "" {
		t.Errorf("state %v, %v", got, err)
	}
	_, err = s.Result(ctx, spec.ID, 1)
	wantErr(t, "a result that isn't there", err, control.ErrNotFound)
	result := &errand.Result{ExitCode: 3, Log: errand.Log{Bytes: 2, Tail: []byte("\xff\x00")}}
	must(t, s.PutResult(ctx, spec.ID, 1, result))
	must(t, s.PutResult(ctx, spec.ID, 1, result))
	if got, err := s.Result(ctx, spec.ID, 1); err != nil || cmp.Diff(result, got) != "" {
		t.Errorf("result %s, %v", cmp.Diff(result, got), err)
	}
	state.Complete(spec.CreatedAt, result)
	must(t, s.PutState(ctx, state))
	if got, err := s.State(ctx, spec.ID); err != nil || cmp.Diff(state.Record(), got.Record()) != "" {
		t.Errorf("state with a result: %s, %v", cmp.Diff(state.Record(), got.Record()), err)
	}
}

// storeAttempts: a state keeps the attempts that ended before the current one.
func (w storeTest) storeAttempts(t *testing.T) {
	spec, state := newJob(NewOwner())
	must(t, w.store.CreateJob(t.Context(), spec, state))
	state.Assign(spec.CreatedAt, errand.Taker{WorkerID: "worker-a", WorkerName: "box a"}, errand.DefaultTiming())
	state.Fail(spec.CreatedAt.Add(time.Minute), &errand.Failure{Reason: errand.ReasonAgentError, Error: "the disk is full"})
	state.Assign(spec.CreatedAt.Add(time.Hour), errand.Taker{WorkerID: "worker-b"}, errand.DefaultTiming())
	must(t, w.store.PutState(t.Context(), state))
	got, err := w.store.State(t.Context(), spec.ID)
	must(t, err)
	if diff := cmp.Diff(state.Record(), got.Record()); diff != "" || len(got.Record().Past) != 1 {
		t.Errorf("read (-wrote +read):\n%s", diff)
	}
}

// storeRace: of many writes made of one revision, one is applied.
func (w storeTest) storeRace(t *testing.T) {
	spec, state := newJob(NewOwner())
	must(t, w.store.CreateJob(t.Context(), spec, state))
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			mine := *state
			mine.Assign(spec.CreatedAt, errand.Taker{WorkerID: fmt.Sprint("worker-", i), PollID: "poll", Handle: "handle"}, errand.DefaultTiming())
			switch err := w.store.PutState(t.Context(), &mine); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, control.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d of 8 writes for one revision were applied", n)
	}
}

func (w storeTest) storeLists(t *testing.T) {
	s, who := w.store, NewOwner()
	var ids []string // newest first
	for range 3 {
		spec, state := newJob(who)
		must(t, s.CreateJob(t.Context(), spec, state))
		ids = append([]string{spec.ID}, ids...)
		time.Sleep(2 * time.Millisecond) // IDs of one millisecond have no order
	}
	list := func(ctx context.Context, f control.JobFilter) []string {
		f.Owner, f.Now = who, time.Now()
		var got []string
		for range 10 {
			page, err := s.Jobs(ctx, f)
			must(t, err)
			for _, j := range page.Jobs {
				got = append(got, j.Spec.ID)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
		return got
	}
	Eventually(t, "the list of three", func(ctx context.Context) bool { return len(list(ctx, control.JobFilter{Limit: 2})) == 3 })
	if diff := cmp.Diff(ids, list(t.Context(), control.JobFilter{Limit: 2})); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
	pending := control.JobFilter{Limit: 2, Status: errand.Pending, Queues: []string{"default"}}
	Eventually(t, "the list of three pending jobs", func(ctx context.Context) bool { return cmp.Diff(ids, list(ctx, pending)) == "" })
	w.storeActive(t, ids)
	if got := list(t.Context(), control.JobFilter{Limit: 10, Status: errand.Completed}); len(got) != 0 {
		t.Errorf("completed: %v", got)
	}
	second := ulid.MustParseStrict(ids[1]).Timestamp()
	for _, f := range []control.JobFilter{{}, {Status: errand.Pending, Queues: []string{"default"}}} {
		f.Limit = 1
		f.Since = second
		if diff := cmp.Diff(ids[:2], list(t.Context(), f)); diff != "" {
			t.Errorf("%s since the second (-want +got):\n%s", f.Status, diff)
		}
		f.Since, f.Until = time.Time{}, second
		if diff := cmp.Diff(ids[2:], list(t.Context(), f)); diff != "" {
			t.Errorf("%s until the second (-want +got):\n%s", f.Status, diff)
		}
	}
	w.storeListsOf(t, who, ids)
	due := func(ctx context.Context, at time.Time) int { return len(w.due(ctx, t, at, ids)) }
	Eventually(t, "three due jobs", func(ctx context.Context) bool { return due(ctx, time.Now().Add(time.Hour)) == 3 })
	if n := due(t.Context(), time.Now()); n != 0 {
		t.Errorf("%d jobs are due before their time", n)
	}
}

// storeListsOf: the lists of an owner's jobs that are not over leave out those of others.
func (w storeTest) storeListsOf(t *testing.T, who string, ids []string) {
	t.Helper()
	spec, state := newJob(NewOwner())
	must(t, w.store.CreateJob(t.Context(), spec, state))
	list := func(ctx context.Context, owner string) (got []string) {
		f := control.JobFilter{Owner: owner, Status: errand.Pending, Queues: []string{"default"}, Limit: 200, Now: time.Now()}
		page, err := w.store.Jobs(ctx, f)
		must(t, err)
		for _, j := range page.Jobs {
			got = append(got, j.Spec.ID)
		}
		return got
	}
	Eventually(t, "the list of another owner's job", func(ctx context.Context) bool { return slices.Contains(list(ctx, ""), spec.ID) })
	if diff := cmp.Diff(ids, list(t.Context(), who)); diff != "" {
		t.Errorf("one owner's pending jobs (-want +got):\n%s", diff)
	}
}

// due returns those of the jobs that are due.
func (w storeTest) due(ctx context.Context, t *testing.T, at time.Time, ids []string) (found []string) {
	t.Helper()
	must(t, w.store.Due(ctx, at, func(r control.DueRecord) bool {
		if slices.Contains(ids, r.JobID) {
			found = append(found, r.JobID)
		}
		return true
	}))
	return found
}

// storeFresh: a job is listed once and due once, whether the sweep has looked at it or not,
// and not at all when it is over. Its queue need not be known.
func (w storeTest) storeFresh(t *testing.T) {
	ctx, timing := t.Context(), errand.DefaultTiming()
	spec, _ := newJob(NewOwner())
	spec.Queue = strings.ToLower("q" + NewID())
	state := errand.NewState(spec, timing)
	ids := []string{spec.ID}
	must(t, w.store.CreateJob(ctx, spec, state))
	want := func(what string, due time.Time) {
		t.Helper()
		got, err := w.store.State(ctx, spec.ID)
		must(t, err)
		if diff := cmp.Diff(state.Record(), got.Record()); diff != "" {
			t.Errorf("%s (-wrote +read):\n%s", what, diff)
		}
		Eventually(t, what+": in the lists of active jobs", func(ctx context.Context) bool {
			page, err := w.store.Jobs(ctx, control.JobFilter{Status: got.Record().Status, Queue: spec.Queue, Limit: 10, Now: time.Now()})
			must(t, err)
			active, err := w.store.ActiveJobs(ctx, spec.Queue, "", 10)
			must(t, err)
			if len(page.Jobs) > 1 || len(active) > 1 {
				t.Errorf("%s: listed as %v and %v", what, page.Jobs, active)
			}
			return slices.Equal(active, ids) && len(page.Jobs) == 1
		})
		Eventually(t, what+": due", func(ctx context.Context) bool { return slices.Equal(w.due(ctx, t, due, ids), ids) })
		if len(w.due(ctx, t, due.Add(-time.Millisecond), ids)) > 0 {
			t.Errorf("%s: due too early", what)
		}
	}
	put := func() {
		t.Helper()
		must(t, w.store.PutState(ctx, state))
	}
	created := spec.CreatedAt
	want("created", created.Add(timing.ResendAfter))
	state.Assign(created.Add(time.Second), errand.Taker{WorkerID: "worker"}, timing)
	put()
	want("assigned", created.Add(timing.ResendAfter))
	state.Swept()
	put()
	want("looked at", created.Add(time.Second+timing.ShortLease))
	state.Complete(created.Add(2*time.Second), &errand.Result{})
	put()
	Eventually(t, "the end of its being active", func(ctx context.Context) bool {
		active, err := w.store.ActiveJobs(ctx, spec.Queue, "", 10)
		must(t, err)
		return len(active) == 0 && len(w.due(ctx, t, created.Add(time.Hour), ids)) == 0
	})
}

// storeActive reads jobs that are not over, which are given newest first.
func (w storeTest) storeActive(t *testing.T, ids []string) {
	ctx, s := t.Context(), w.store
	before := func(id string, limit int) []string {
		got, err := s.ActiveJobs(ctx, "default", id, limit)
		must(t, err)
		return got
	}
	oldest, second, newest := ids[2], ids[1], ids[0]
	all := before(newest, 10_000) // and others' jobs, which are older
	if n := len(all); n < 2 || all[n-2] != oldest || all[n-1] != second || !slices.IsSorted(all) {
		t.Errorf("active before %s: %v, want at the end %s, %s", newest, all, oldest, second)
	}
	if some := before("", 1); len(some) != 1 || some[0] > oldest {
		t.Errorf("the oldest active job is %v", some)
	}
	var many []string
	for range 120 {
		many = append(many, NewID())
	}
	states, err := s.States(ctx, append(many, ids...))
	must(t, err)
	jobs, err := s.JobsOf(ctx, append(many, ids...))
	must(t, err)
	for _, id := range ids {
		spec, state, err := s.Job(ctx, id)
		must(t, err)
		if diff := cmp.Diff(state.Record(), states[id]) + cmp.Diff(errand.Job{Spec: *spec, State: state.Record()}, jobs[id]); diff != "" {
			t.Errorf("job %s (-want +got):\n%s", id, diff)
		}
	}
	if len(states) != len(ids) || len(jobs) != len(ids) {
		t.Errorf("%d states and %d jobs of %d", len(states), len(jobs), len(ids))
	}
}

func (w storeTest) storeDependents(t *testing.T) {
	ctx, s := t.Context(), w.store
	awaited, awaitedState := newJob(NewOwner())
	must(t, s.CreateJob(ctx, awaited, awaitedState))
	spec, _ := newJob(awaited.Owner)
	spec.After = []errand.Dependency{{JobID: awaited.ID, On: errand.OnAny}}
	spec.NotBefore = spec.CreatedAt.Add(time.Hour)
	state := errand.NewState(spec, errand.DefaultTiming())
	if got, err := s.Dependents(ctx, awaited.ID, ""); err != nil || len(got) != 0 {
		t.Errorf("dependents %v, %v", got, err)
	}
	for range 2 {
		must(t, s.AddDependent(ctx, awaited.ID, spec.ID))
	}
	if got, err := s.Dependents(ctx, awaited.ID, ""); err != nil || !slices.Equal(got, []string{spec.ID}) {
		t.Errorf("dependents %v, %v, want %s", got, err, spec.ID)
	}
	if got, err := s.Dependents(ctx, awaited.ID, spec.ID); err != nil || len(got) != 0 {
		t.Errorf("dependents after the last: %v, %v", got, err)
	}
	awaitedState.AddDependent()
	must(t, s.PutState(ctx, awaitedState))
	must(t, s.CreateJob(ctx, spec, state))
	read := func(id string, want *errand.State) {
		t.Helper()
		_, got, err := s.Job(ctx, id)
		must(t, err)
		if diff := cmp.Diff(want.Record(), got.Record()); diff != "" {
			t.Errorf("read (-wrote +read):\n%s", diff)
		}
	}
	read(awaited.ID, awaitedState)
	read(spec.ID, state)
	isActive := func(ctx context.Context) bool {
		ids, err := s.ActiveJobs(ctx, spec.Queue, "", 100_000)
		must(t, err)
		return slices.Contains(ids, spec.ID)
	}
	isPending := func(ctx context.Context) bool {
		page, err := s.Jobs(ctx, control.JobFilter{Owner: spec.Owner, Status: errand.Pending, Queues: []string{spec.Queue}, Limit: 200, Now: time.Now()})
		must(t, err)
		return slices.ContainsFunc(page.Jobs, func(j errand.Job) bool { return j.Spec.ID == spec.ID })
	}
	Eventually(t, "a held job in the list of pending jobs", isPending)
	if isActive(ctx) {
		t.Error("a held job is among those that workers may be given")
	}
	state.Release(spec.CreatedAt.Add(time.Hour), false, errand.DefaultTiming())
	must(t, s.PutState(ctx, state))
	read(spec.ID, state)
	Eventually(t, "a released job among the active ones", isActive)
}

func (w storeTest) storeClaims(t *testing.T) {
	c := control.Claim{Owner: NewOwner(), Route: "jobs-create", Key: "k", BodyHash: SHA256(nil), JobID: NewID()}
	got, err := w.store.Claim(t.Context(), c)
	if err != nil || got != c {
		t.Fatalf("%+v, %v", got, err)
	}
	second := c
	second.JobID, second.BodyHash = NewID(), SHA256([]byte("other"))
	got, err = w.store.Claim(t.Context(), second)
	wantErr(t, "the key again", err, control.ErrExists)
	if got != c {
		t.Errorf("it is tied to %+v, want %+v", got, c)
	}
}

func (w storeTest) storeWorkers(t *testing.T) {
	ctx, s := t.Context(), w.store
	now := time.Now().UTC().Truncate(time.Millisecond)
	k := &errand.Worker{ID: "w-" + NewID(), Owner: NewOwner(), Queues: []string{"default"}, Slots: 2, Epoch: 1, Labels: map[string]string{"gpu": "h200"}, Paused: true, DrainAsked: true, DiskFree: 1 << 40, DiskCache: 1 << 30, RegisteredAt: now, LastSeen: now, Interval: time.Second}
	_, err := s.Worker(ctx, k.ID)
	wantErr(t, "a worker that isn't there", err, control.ErrNotFound)
	must(t, s.PutWorker(ctx, k))
	stale := *k
	k.Holds = []errand.Hold{{JobID: NewID(), Attempt: 1}}
	must(t, s.PutWorker(ctx, k))
	wantErr(t, "a write for an older revision", s.PutWorker(ctx, &stale), control.ErrConflict)
	if diff := cmp.Diff(k, &stale); diff != "" {
		t.Errorf("after the conflict (-stored +got):\n%s", diff)
	}
	gone := &errand.Worker{ID: "w-" + NewID(), Rev: 1, LastSeen: now}
	wantErr(t, "a write for a worker that isn't there", s.PutWorker(ctx, gone), control.ErrNotFound)
	if got, err := s.Worker(ctx, k.ID); err != nil || cmp.Diff(k, got) != "" {
		t.Errorf("worker %s, %v", cmp.Diff(k, got), err)
	}
	Eventually(t, "the worker in the list", func(ctx context.Context) bool {
		for cursor := ""; ; {
			workers, next, err := s.Workers(ctx, cursor, 100)
			must(t, err)
			for _, l := range workers {
				if l.ID == k.ID {
					return true
				}
			}
			if cursor = next; cursor == "" {
				return false
			}
		}
	})
	wantErr(t, "a deletion of an older revision", s.DeleteWorker(ctx, &errand.Worker{ID: k.ID, Rev: 1}), control.ErrConflict)
	must(t, s.DeleteWorker(ctx, k))
	must(t, s.DeleteWorker(ctx, k))
	_, err = s.Worker(ctx, k.ID)
	wantErr(t, "a deleted worker", err, control.ErrNotFound)
	token := errand.NewToken(errand.RoleUser, "")
	_, err = s.Token(ctx, errand.HashToken(token))
	wantErr(t, "a token that isn't there", err, control.ErrNotFound)
	want := &errand.Token{Hash: errand.HashToken(token), Role: errand.RoleUser, Owner: "ann", Queues: []string{"default"}, WorkerName: "box", Labels: map[string]string{"gpu": "*"}}
	must(t, s.PutToken(ctx, want))
	must(t, s.PutToken(ctx, want))
	if got, err := s.Token(ctx, want.Hash); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("token %s, %v", cmp.Diff(want, got), err)
	}
	all, err := s.Tokens(ctx)
	listed := slices.ContainsFunc(all, func(l errand.Token) bool { return cmp.Diff(*want, l) == "" })
	if err != nil || !listed {
		t.Errorf("the token is not among %+v, %v", all, err)
	}
	must(t, s.DeleteToken(ctx, want.Hash))
	must(t, s.DeleteToken(ctx, want.Hash))
	_, err = s.Token(ctx, want.Hash)
	wantErr(t, "a deleted token", err, control.ErrNotFound)
}

// storeSessions stores a session, and a code that one of many callers gets.
func (w storeTest) storeSessions(t *testing.T) {
	ctx, s := t.Context(), w.store
	now := time.Now().UTC().Truncate(time.Millisecond)
	parent := errand.HashToken(errand.NewToken(errand.RoleUser, ""))
	want := &errand.Token{Hash: errand.HashToken(errand.NewSessionToken()), Role: errand.RoleUser, Owner: "ann", Session: &errand.Session{
		Parent: parent, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Browser: "Mozilla/5.0",
	}}
	must(t, s.PutToken(ctx, want))
	if got, err := s.Token(ctx, want.Hash); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("session %s, %v", cmp.Diff(want, got), err)
	}
	expired := *want
	expired.Hash, expired.Session = errand.HashToken(errand.NewSessionToken()), &errand.Session{Parent: parent, CreatedAt: now, ExpiresAt: now.Add(-24 * time.Hour)}
	must(t, s.PutToken(ctx, &expired))
	_, err := s.Token(ctx, expired.Hash)
	wantErr(t, "a session that has expired", err, control.ErrNotFound)

	code := &errand.SessionCode{Hash: errand.HashToken(errand.NewSessionCode()), Parent: parent, ExpiresAt: now.Add(time.Hour)}
	_, err = s.TakeSessionCode(ctx, code.Hash)
	wantErr(t, "a code that isn't there", err, control.ErrNotFound)
	must(t, s.PutSessionCode(ctx, code))
	_, err = s.Token(ctx, code.Hash)
	wantErr(t, "a code as a token", err, control.ErrNotFound)
	all, err := s.Tokens(ctx)
	must(t, err)
	for _, l := range all {
		if l.Hash == expired.Hash || strings.HasSuffix(l.Hash, code.Hash) {
			t.Errorf("listed: %+v", l)
		}
	}
	var taken atomic.Int32
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			got, err := s.TakeSessionCode(ctx, code.Hash)
			if err == nil && cmp.Diff(code, got) == "" {
				taken.Add(1)
			} else if !errors.Is(err, control.ErrNotFound) {
				t.Errorf("took %+v, %v", got, err)
			}
		})
	}
	callers.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d callers got the code", taken.Load())
	}
	must(t, s.DeleteToken(ctx, want.Hash))
}

// storeQueueList changes the list of queues, and changes it back.
func (w storeTest) storeQueueList(t *testing.T) {
	ctx, s := t.Context(), w.store
	l, err := s.QueueList(ctx, true)
	must(t, err)
	stale := *l
	q := errand.Queue{Name: strings.ToLower("q" + NewID()), Paused: true, Deleting: true, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
	l.Set(q)
	l.Set(errand.Queue{Name: "d" + q.Name, Deployed: true})
	must(t, s.PutQueueList(ctx, l))
	wantErr(t, "a write for an older revision", s.PutQueueList(ctx, &stale), control.ErrConflict)
	got, err := s.QueueList(ctx, true)
	if err != nil || cmp.Diff(l, got) != "" {
		t.Errorf("list %s, %v", cmp.Diff(l, got), err)
	}
	got.Remove(q.Name)
	got.Remove("d" + q.Name)
	must(t, s.PutQueueList(ctx, got))
}

// storeKinds: waiting jobs are found by their kind, oldest first, as long as they wait.
func (w storeTest) storeKinds(t *testing.T) {
	ctx, s := t.Context(), w.store
	queue := strings.ToLower("q" + NewID())
	l, err := s.Kinds(ctx, queue, true)
	if err != nil || len(l.Kinds) != 0 || l.Queue != queue {
		t.Fatalf("list %+v, %v", l, err)
	}
	stale := *l
	r := errand.Requirements{Worker: "w", Labels: map[string]string{"gpu": "*"}, Features: []string{"terminal"}}
	l.Kinds = []errand.Kind{{ID: r.Kind(), Requirements: r}}
	must(t, s.PutKinds(ctx, l))
	wantErr(t, "a write for an older revision", s.PutKinds(ctx, &stale), control.ErrConflict)
	if got, err := s.Kinds(ctx, queue, true); err != nil || cmp.Diff(l, got) != "" {
		t.Errorf("list %s, %v", cmp.Diff(l, got), err)
	}
	var ids []string
	for range 3 {
		spec, _ := newJob(NewOwner())
		spec.Queue, spec.Requires = queue, map[string]string{"gpu": "*"}
		st := errand.NewState(spec, errand.DefaultTiming())
		must(t, s.CreateJob(ctx, spec, st))
		ids = append(ids, spec.ID)
	}
	slices.Sort(ids)
	kind := errand.Requirements{Labels: map[string]string{"gpu": "*"}}.Kind()
	find := func(ctx context.Context, limit int, want ...string) bool {
		got, err := s.WaitingJobs(ctx, queue, kind, limit)
		must(t, err)
		return slices.Equal(got, want)
	}
	Eventually(t, "the waiting jobs", func(ctx context.Context) bool { return find(ctx, 10, ids...) })
	Eventually(t, "the first two", func(ctx context.Context) bool { return find(ctx, 2, ids[:2]...) })
	st, err := s.State(ctx, ids[0])
	must(t, err)
	if now := time.Now(); !st.Record().Waiting || !st.Assign(now, errand.Taker{WorkerID: "w", PollID: "p"}, errand.DefaultTiming()) {
		t.Fatalf("state %+v", st.Record())
	}
	must(t, s.PutState(ctx, st))
	Eventually(t, "the end of the first one's wait", func(ctx context.Context) bool { return find(ctx, 10, ids[1:]...) })
}

func (w storeTest) storeGroup(t *testing.T) {
	ctx, s := t.Context(), w.store
	g, err := s.Group(ctx, "default", NewID())
	if err != nil || g.JobID != "" {
		t.Fatalf("group %+v, %v", g, err)
	}
	stale := *g
	g.Place, g.JobID = "place", NewID()
	must(t, s.PutGroup(ctx, g))
	wantErr(t, "a write for an older revision", s.PutGroup(ctx, &stale), control.ErrConflict)
	if got, err := s.Group(ctx, "default", g.Name); err != nil || cmp.Diff(g, got) != "" {
		t.Errorf("group %s, %v", cmp.Diff(g, got), err)
	}
}
