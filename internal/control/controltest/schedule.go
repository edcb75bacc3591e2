package controltest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// storeSchedules: a schedule is read as it was written, once for each revision, is due, and
// has its jobs.
func (w storeTest) storeSchedules(t *testing.T) {
	ctx, s := t.Context(), w.store
	now := time.Now().UTC().Truncate(time.Millisecond)
	k := errand.ScheduleKey{Owner: NewOwner(), Name: "nightly"}
	_, err := s.Schedule(ctx, k)
	wantErr(t, "a schedule that isn't there", err, control.ErrNotFound)
	sc := &errand.Schedule{
		ScheduleKey: k, Cron: "0 3 * * *", Zone: "Europe/Berlin", Missed: errand.MissedOnce, Overlap: errand.OverlapSkip,
		Job:       errand.Spec{Owner: k.Owner, Commands: []errand.Command{{Argv: []string{"make"}}}, Queue: "default", Source: &errand.Source{SHA256: SHA256(nil), Packs: []string{SHA256([]byte("p"))}}},
		TokenHash: "hash", CreatedAt: now, Status: errand.ScheduleActive, Error: "e", Next: now.Add(time.Hour), RenewAt: now.Add(2 * time.Hour),
		Starting: &errand.ScheduledRun{At: now, JobID: NewID(), CreatedAt: now.Add(90 * time.Minute)}, Last: &errand.ScheduledRun{At: now, JobID: NewID(), CreatedAt: now},
		Recent: []string{NewID()}, MissedRuns: 3, SkippedRuns: 4,
	}
	must(t, s.PutSchedule(ctx, sc))
	another := *sc
	another.Rev = 0
	wantErr(t, "the same schedule again", s.PutSchedule(ctx, &another), control.ErrConflict)
	got, err := s.Schedule(ctx, k)
	must(t, err)
	if diff := gocmp.Diff(sc, got); diff != "" {
		t.Errorf("read (-wrote +read):\n%s", diff)
	}
	stale := *sc
	sc.Starting, sc.Last, sc.Recent = nil, nil, nil
	must(t, s.PutSchedule(ctx, sc))
	wantErr(t, "a write for an older revision", s.PutSchedule(ctx, &stale), control.ErrConflict)
	other := *sc
	other.Owner, other.Rev = NewOwner(), 0
	must(t, s.PutSchedule(ctx, &other))
	w.scheduleLists(t, sc)
	due := func(ctx context.Context, at time.Time) (found bool) {
		must(t, s.Due(ctx, at, func(r control.DueRecord) bool {
			found = found || r == control.DueRecord{Schedule: k}
			return true
		}))
		return found
	}
	Eventually(t, "a due schedule", func(ctx context.Context) bool { return due(ctx, now.Add(time.Hour)) })
	if due(ctx, now) {
		t.Error("the schedule is due before its time")
	}
	stale = *sc
	for range 2 {
		must(t, s.DeleteSchedule(ctx, k))
	}
	wantErr(t, "a write after the deletion", s.PutSchedule(ctx, &stale), control.ErrConflict)
	sc.Rev = 0
	time.Sleep(2 * time.Millisecond) // revisions begin with the time
	must(t, s.PutSchedule(ctx, sc))
	wantErr(t, "a write of what was read before the deletion", s.PutSchedule(ctx, &stale), control.ErrConflict)
	must(t, s.DeleteSchedule(ctx, k))
	must(t, s.DeleteSchedule(ctx, other.ScheduleKey))
	Eventually(t, "the deleted schedule to be due no more", func(ctx context.Context) bool { return !due(ctx, now.Add(time.Hour)) })
	w.scheduleJobs(t, k)
}

// scheduleLists lists schedules: sc and another owner's.
func (w storeTest) scheduleLists(t *testing.T, sc *errand.Schedule) {
	own := w.schedulesOf(t, sc.Owner, errand.MaxPage)
	if diff := gocmp.Diff([]errand.Schedule{*sc}, own); diff != "" {
		t.Errorf("of the owner (-want +got):\n%s", diff)
	}
	own = w.schedulesOf(t, sc.Owner, 1)
	if diff := gocmp.Diff([]errand.Schedule{*sc}, own); diff != "" {
		t.Errorf("of the owner, by pages of one (-want +got):\n%s", diff)
	}
	for _, limit := range []int{1, errand.MaxPage} {
		all := w.schedulesOf(t, "", limit)
		inOrder := slices.IsSortedFunc(all, func(a, b errand.Schedule) int {
			return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.Name, b.Name))
		})
		if len(all) < 2 || !inOrder || !slices.ContainsFunc(all, func(o errand.Schedule) bool { return o.ScheduleKey == sc.ScheduleKey }) {
			t.Errorf("%d schedules of all owners, by pages of %d; in order: %v", len(all), limit, inOrder)
		}
	}
}

// schedulesOf lists the schedules of an owner, or of all, by pages of limit.
func (w storeTest) schedulesOf(t *testing.T, owner string, limit int) (all []errand.Schedule) {
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := w.store.Schedules(t.Context(), owner, cursor, limit)
		must(t, err)
		if len(page) > limit {
			t.Errorf("%d schedules on a page of %d", len(page), limit)
		}
		all, cursor = append(all, page...), next
	}
	return all
}

// scheduleJobs lists the jobs of a schedule, newest first.
func (w storeTest) scheduleJobs(t *testing.T, k errand.ScheduleKey) {
	var ids []string // newest first
	for range 3 {
		spec, state := newJob(k.Owner)
		must(t, w.store.AddScheduleJob(t.Context(), k, spec.ID))
		must(t, w.store.CreateJob(t.Context(), spec, state))
		must(t, w.store.AddScheduleJob(t.Context(), k, spec.ID))
		ids = append([]string{spec.ID}, ids...)
		time.Sleep(2 * time.Millisecond) // IDs of one millisecond have no order
	}
	spec, state := newJob(k.Owner)
	must(t, w.store.CreateJob(t.Context(), spec, state))
	var got []string
	f := control.JobFilter{Limit: 2, Owner: k.Owner, Schedule: k, Now: time.Now()}
	list := func(ctx context.Context) bool {
		for f.Cursor, got = "", nil; ; {
			page, err := w.store.Jobs(ctx, f)
			must(t, err)
			for _, j := range page.Jobs {
				got = append(got, j.Spec.ID)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				return slices.Equal(got, ids)
			}
		}
	}
	Eventually(t, "the schedule's jobs", list)
}
