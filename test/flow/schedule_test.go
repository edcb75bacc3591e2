package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// annsToken is a token of the user.
const annsToken = "eru_0123456789012345678901234567890123456789"

// grantUser gives the user a token, by which schedules are created.
func (w *world) grantUser(queues ...string) {
	w.t.Helper()
	if err := w.svc.GrantToken(w.ctx, annsToken, errand.RoleUser, "ann", queues); err != nil {
		w.t.Fatal(err)
	}
	p, err := w.svc.Authenticate(w.ctx, annsToken)
	if err != nil {
		w.t.Fatal(err)
	}
	w.user.Principal = p
}

// every is a schedule of the user's with one job that does nothing.
func every(cron string, change ...func(*errand.Schedule)) errand.Schedule {
	sc := errand.Schedule{ScheduleKey: errand.ScheduleKey{Name: "s"}, Cron: cron, Job: errand.Spec{Commands: []errand.Command{{Shell: "true"}}}}
	for _, f := range change {
		f(&sc)
	}
	return sc
}

// schedule creates a schedule, which must succeed.
func (w *world) schedule(cron string, change ...func(*errand.Schedule)) errand.Schedule {
	w.t.Helper()
	sc, made, err := w.svc.CreateSchedule(w.ctx, w.user, every(cron, change...), control.ScheduleOptions{})
	if err != nil || !made {
		w.t.Fatalf("create the schedule: %v, %v", made, err)
	}
	return sc
}

// scheduled lists the jobs of the schedule s, oldest first.
func (w *world) scheduled() []errand.Job {
	w.t.Helper()
	w.waitForIndexes() // and for reads that are not strongly consistent
	page, err := w.svc.Jobs(w.ctx, w.user, control.JobFilter{Schedule: errand.ScheduleKey{Owner: "ann", Name: "s"}, Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(page.Jobs)
	return page.Jobs
}

// wantRuns checks at which times the schedule s started jobs.
func (w *world) wantRuns(want ...string) {
	w.t.Helper()
	var got []string
	for _, j := range w.scheduled() {
		if j.Spec.Schedule != "s" || j.Spec.Owner != "ann" {
			w.t.Errorf("job %s is of the schedule %q of %s", j.Spec.ID, j.Spec.Schedule, j.Spec.Owner)
		}
		at := "by hand"
		if !j.Spec.ScheduledAt.IsZero() {
			at = j.Spec.ScheduledAt.Format("02T15:04")
		}
		got = append(got, at)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("runs %v, want %v", got, want)
	}
}

// sweepAt moves the clock to a time of November 2026 and sweeps.
func (w *world) sweepAt(at string) {
	w.t.Helper()
	to, err := time.Parse("2006-01-02T15:04", "2026-11-"+at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(to.Sub(w.clock.Now()))
	w.sweep()
}

func (w *world) status() errand.Schedule {
	w.t.Helper()
	sc, err := w.svc.Schedule(w.ctx, w.user, "s")
	if err != nil {
		w.t.Fatal(err)
	}
	return sc
}

// TestSchedule: a job at each time, which a worker gets, and none before.
func TestSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // it is 24 November, 12:00
	w.grantUser()
	sc := w.schedule("30 * * * *")
	if want := time.Date(2026, 11, 24, 12, 30, 0, 0, time.UTC); !sc.Next.Equal(want) {
		t.Errorf("next %s", sc.Next)
	}
	w.sweepAt("24T12:29")
	w.wantRuns()
	for range 3 {
		w.sweepAt("24T12:30")
	}
	w.wantRuns("24T12:30")
	w.sweepAt("24T13:31")
	w.wantRuns("24T12:30", "24T13:30")
	k := w.worker("a")
	left := map[string]bool{} // SQS keeps no order of groups
	for _, j := range w.scheduled() {
		left[j.Spec.ID] = true
	}
	for range 2 {
		a := k.take(true)
		if !left[a.JobID] {
			t.Errorf("got job %s", a.JobID)
		}
		delete(left, a.JobID)
		k.beat(a)
		if _, err := k.submit(a, 0); err != nil {
			t.Fatal(err)
		}
	}
	if sc = w.status(); sc.Last == nil || sc.Last.JobID != w.scheduled()[1].Spec.ID || sc.MissedRuns+sc.SkippedRuns > 0 {
		t.Errorf("%+v", sc)
	}
}

// TestCreateSchedule: the same again is the same; another one is refused, unless it replaces.
func TestCreateSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	create := func(sc errand.Schedule, o control.ScheduleOptions) (errand.Schedule, bool, error) {
		return w.svc.CreateSchedule(w.ctx, w.user, sc, o)
	}
	w.schedule("30 * * * *")
	if _, made, err := create(every("30 * * * *"), control.ScheduleOptions{}); made || err != nil {
		t.Errorf("the same: %v, %v", made, err)
	}
	_, _, err := create(every("31 * * * *"), control.ScheduleOptions{})
	wantCode(t, err, errand.CodeScheduleExists)
	w.sweepAt("24T12:30")
	sc, made, err := create(every("45 * * * *"), control.ScheduleOptions{Replace: true})
	if made || err != nil || sc.Last == nil || sc.Next.Minute() != 45 {
		t.Errorf("replaced: %+v, %v", sc, err)
	}
	w.sweepAt("24T12:45")
	w.wantRuns("24T12:30", "24T12:45")
	for name, bad := range map[string]struct {
		change func(*errand.Schedule)
		field  string
	}{
		"name":      {func(s *errand.Schedule) { s.Name = "A b" }, "name"},
		"cron":      {func(s *errand.Schedule) { s.Cron = "* * *" }, "cron"},
		"long cron": {func(s *errand.Schedule) { s.Cron = strings.Repeat(" ", 200) + "* * * * *" }, "cron"},
		"never":     {func(s *errand.Schedule) { s.Cron = "0 0 30 2 *" }, "cron"},
		"zone":      {func(s *errand.Schedule) { s.Zone = "Berlin" }, "timeZone"},
		"missed":    {func(s *errand.Schedule) { s.Missed = "all" }, "missed"},
		"overlap":   {func(s *errand.Schedule) { s.Overlap = "queue" }, "overlap"},
		"job":       {func(s *errand.Schedule) { s.Job.Commands = nil }, "job.commands"},
		"queue":     {func(s *errand.Schedule) { s.Job.Queue = "none" }, "job.queue"},
		"after":     {func(s *errand.Schedule) { s.Job.After = []errand.Dependency{{JobID: "x"}} }, "job.after"},
		"time":      {func(s *errand.Schedule) { s.Job.NotBefore = time.Now() }, "job.notBefore"},
	} {
		for _, dryRun := range []bool{false, true} {
			_, _, err := create(every("0 0 * * *", bad.change), control.ScheduleOptions{DryRun: dryRun})
			var e *errand.Error
			if !errors.As(err, &e) || e.Code != errand.CodeInvalidField || e.Field != bad.field {
				t.Errorf("%s, dry run %v: %v", name, dryRun, err)
			}
		}
	}
	for i := 1; i < errand.MaxSchedules; i++ {
		w.schedule("0 0 * * *", func(s *errand.Schedule) { s.Name = fmt.Sprint("s", i) })
	}
	for _, dryRun := range []bool{false, true} {
		_, _, err = create(every("0 0 * * *", func(s *errand.Schedule) { s.Name = "toomany" }), control.ScheduleOptions{DryRun: dryRun})
		wantCode(t, err, errand.CodeInvalidField)
	}
}

// TestScheduleDryRun: it says what would be, and stores nothing, of a new schedule and of
// one that would be replaced.
func TestScheduleDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // it is 24 November, 12:00
	w.grantUser()
	dryRun := func(cron string, replace bool) (errand.Schedule, error) {
		sc, made, err := w.svc.CreateSchedule(w.ctx, w.user, every(cron), control.ScheduleOptions{DryRun: true, Replace: replace})
		if made {
			t.Error("it was made")
		}
		return sc, err
	}
	sc, err := dryRun("30 9 * * 1-5", false)
	if err != nil || sc.Zone != "UTC" || sc.Status != errand.ScheduleActive || !sc.Next.Equal(time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", sc, err)
	}
	runs, err := w.svc.NextRuns(&sc, 4)
	var got []string
	for _, at := range runs {
		got = append(got, at.Format("02T15:04"))
	}
	if want := []string{"25T09:30", "26T09:30", "27T09:30", "30T09:30"}; err != nil || !slices.Equal(got, want) { // not on 28 and 29, a weekend
		t.Errorf("next runs %v, want %v; %v", got, want, err)
	}
	if all, _, err := w.svc.Schedules(w.ctx, w.user, "", errand.MaxPage); err != nil || len(all) > 0 {
		t.Errorf("stored: %+v, %v", all, err)
	}
	stored := w.schedule("30 * * * *")
	_, err = dryRun("45 * * * *", false)
	wantCode(t, err, errand.CodeScheduleExists)
	if sc, err = dryRun("45 * * * *", true); err != nil || sc.Next.Minute() != 45 {
		t.Errorf("replaced: %+v, %v", sc, err)
	}
	if now := w.status(); now.Cron != "30 * * * *" || now.Rev != stored.Rev {
		t.Errorf("stored: %+v", now)
	}
	w.sweepAt("24T12:30")
	w.sweepAt("24T12:45")
	w.wantRuns("24T12:30")
}

// TestMissedRuns: after an outage, at most one job makes up for all runs.
func TestMissedRuns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		policy errand.MissedPolicy
		at     string
		want   []string
		missed int
	}{
		{errand.MissedSkip, "24T12:39", []string{"24T12:30"}, 0},
		{errand.MissedSkip, "24T12:41", nil, 1},
		{errand.MissedSkip, "24T15:35", []string{"24T15:30"}, 3},
		{errand.MissedSkip, "24T15:41", nil, 4},
		{errand.MissedOnce, "24T12:41", []string{"24T12:30"}, 0},
		{errand.MissedOnce, "26T15:41", []string{"26T15:30"}, 51},
	} {
		w := newWorld(t)
		w.grantUser()
		w.schedule("30 * * * *", func(s *errand.Schedule) { s.Missed = tc.policy })
		for range 2 {
			w.sweepAt(tc.at)
		}
		w.wantRuns(tc.want...)
		if sc := w.status(); sc.MissedRuns != tc.missed || sc.Next.Minute() != 30 || sc.Next.Sub(w.clock.Now()) > time.Hour {
			t.Errorf("%s at %s: %+v", tc.policy, tc.at, sc)
		}
	}
}

// TestMissedYear: an outage of many runs costs little, and starts one.
func TestMissedYear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	w.schedule("* 3 * * *", func(s *errand.Schedule) { s.Missed = errand.MissedOnce })
	w.clock.Advance(365 * 24 * time.Hour)
	w.sweep()
	sc := w.status()
	if want := time.Date(2027, 11, 24, 3, 59, 0, 0, time.UTC); sc.Last == nil || !sc.Last.At.Equal(want) || sc.MissedRuns < 900 {
		t.Errorf("last %+v, %d missed", sc.Last, sc.MissedRuns)
	}
}

// TestOverlap: what becomes of a run while an earlier job has not ended.
func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		policy errand.OverlapPolicy
		want   []errand.Status
	}{
		{errand.OverlapAllow, []errand.Status{errand.Pending, errand.Pending}},
		{errand.OverlapSkip, []errand.Status{errand.Pending}},
		{errand.OverlapCancel, []errand.Status{errand.Cancelled, errand.Pending}},
	} {
		w := newWorld(t)
		w.grantUser()
		w.schedule("30 * * * *", func(s *errand.Schedule) { s.Overlap = tc.policy })
		w.sweepAt("24T12:30")
		w.sweepAt("24T13:30")
		var got []errand.Status
		for _, j := range w.scheduled() {
			got = append(got, j.State.Status)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v", tc.policy, got)
		}
		if tc.policy == errand.OverlapSkip {
			if n := w.status().SkippedRuns; n != 1 {
				t.Errorf("%d runs skipped", n)
			}
			k := w.worker("a")
			a := k.take(true)
			k.beat(a)
			if _, err := k.submit(a, 0); err != nil {
				t.Fatal(err)
			}
			w.sweepAt("24T14:30")
			w.wantRuns("24T12:30", "24T14:30")
		}
	}
}

// TestManageSchedule: pause, resume, run now and delete, by the owner and an admin; others
// don't find it.
func TestManageSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	w.schedule("30 * * * *", func(s *errand.Schedule) { s.Missed = errand.MissedOnce })
	if sc, err := w.svc.PauseSchedule(w.ctx, w.user, "s"); err != nil || sc.Status != errand.SchedulePaused {
		t.Fatalf("%+v, %v", sc, err)
	}
	w.sweepAt("24T13:40")
	w.wantRuns()
	var ids []string
	for range 2 {
		job, err := w.svc.RunSchedule(w.ctx, w.user, "s", "key")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, job.Spec.ID)
	}
	if ids[0] != ids[1] {
		t.Error("one key, two jobs")
	}
	w.wantRuns("by hand")
	if sc, err := w.svc.ResumeSchedule(w.ctx, w.user, "s"); err != nil || sc.Status != errand.ScheduleActive || sc.Next.Hour() != 14 {
		t.Fatalf("%+v, %v", sc, err)
	}
	w.sweepAt("24T14:31")
	w.wantRuns("by hand", "24T14:30")
	bob := control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: "bob"}}
	for _, ref := range []string{"s", "ann/s"} {
		_, err := w.svc.Schedule(w.ctx, bob, ref)
		wantCode(t, err, errand.CodeScheduleNotFound)
		_, err = w.svc.PauseSchedule(w.ctx, bob, ref)
		wantCode(t, err, errand.CodeScheduleNotFound)
		_, err = w.svc.ResumeSchedule(w.ctx, bob, ref)
		wantCode(t, err, errand.CodeScheduleNotFound)
		_, err = w.svc.RunSchedule(w.ctx, bob, ref, "")
		wantCode(t, err, errand.CodeScheduleNotFound)
		wantCode(t, w.svc.DeleteSchedule(w.ctx, bob, ref), errand.CodeScheduleNotFound)
	}
	_, err := w.svc.Jobs(w.ctx, bob, control.JobFilter{Schedule: errand.ScheduleKey{Owner: "ann", Name: "s"}})
	wantCode(t, err, errand.CodeScheduleNotFound)
	for who, n := range map[*control.Caller]int{&w.user: 1, &bob: 0, &admin: 1} {
		if all, _, err := w.svc.Schedules(w.ctx, *who, "", errand.MaxPage); err != nil || len(all) != n {
			t.Errorf("%s sees %d, %v", who.Owner, len(all), err)
		}
	}
	w.clock.Advance(time.Second)
	job, err := w.svc.RunSchedule(w.ctx, admin, "ann/s", "")
	if err != nil || job.Spec.Owner != "ann" {
		t.Errorf("%+v, %v", job.Spec, err)
	}
	wantCode(t, w.svc.DeleteSchedule(w.ctx, admin, "ann/s"), "")
	w.sweepAt("24T15:31")
	w.wantRuns("by hand", "24T14:30", "by hand")
	_, err = w.svc.Schedule(w.ctx, w.user, "s")
	wantCode(t, err, errand.CodeScheduleNotFound)
}

// TestRevokedOwner: a schedule goes on with another token of its owner, stops when there is
// none, and says so.
func TestRevokedOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	w.schedule("30 * * * *")
	const second = "eru_second78901234567890123456789012345678"
	for _, tc := range []struct {
		token, owner string
		role         errand.Role
	}{{second, "ann", errand.RoleUser}, {"era_0123456789012345678901234567890123456789", "ann", errand.RoleAgent}, {"eru_bobs456789012345678901234567890123456789", "bob", errand.RoleUser}} {
		if err := w.svc.GrantToken(w.ctx, tc.token, tc.role, tc.owner, nil); err != nil {
			t.Fatal(err)
		}
	}
	revoke := func(token string) {
		if err := w.svc.Store.DeleteToken(w.ctx, errand.HashToken(token)); err != nil {
			t.Fatal(err)
		}
	}
	revoke(annsToken)
	w.sweepAt("24T12:30")
	w.wantRuns("24T12:30")
	revoke(second)
	w.sweepAt("24T13:30")
	w.sweepAt("24T14:30")
	w.wantRuns("24T12:30")
	if sc := w.status(); sc.Status != errand.ScheduleStopped || !strings.Contains(sc.Error, "ann has no token any more") {
		t.Errorf("%+v", sc)
	}
	w.grantUser()
	if _, err := w.svc.ResumeSchedule(w.ctx, w.user, "s"); err != nil {
		t.Fatal(err)
	}
	w.sweepAt("24T15:30")
	w.wantRuns("24T12:30", "24T15:30")
}

// TestScheduleOfRestrictedToken: a job may use the queues that the token may use.
func TestScheduleOfRestrictedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue("linux")
	w.grantUser("linux")
	_, _, err := w.svc.CreateSchedule(w.ctx, w.user, every("30 * * * *"), control.ScheduleOptions{})
	wantCode(t, err, errand.CodeForbidden)
	w.schedule("30 * * * *", func(s *errand.Schedule) { s.Job.Queue = "linux" })
	w.sweepAt("24T12:30")
	w.wantRuns("24T12:30")
	w.grantUser("default")
	w.sweepAt("24T13:30")
	w.wantRuns("24T12:30")
	if sc := w.status(); !strings.Contains(sc.Error, `may not use the queue "linux"`) || sc.Status != errand.ScheduleActive {
		t.Errorf("%+v", sc)
	}
	w.grantUser("linux")
	w.sweepAt("24T14:30")
	w.wantRuns("24T12:30", "24T14:30")
	if sc := w.status(); sc.Error != "" {
		t.Errorf("%+v", sc)
	}
}

// TestInterruptedRun: whatever write fails, with or without effect, the run starts one job.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"PutSchedule", "AddScheduleJob", "CreateJob", "Send"} {
		for _, applied := range []bool{false, true} {
			w := newWorld(t)
			w.grantUser()
			w.schedule("30 * * * *")
			w.faults.set(op, applied)
			w.sweepAt("24T12:30")
			if !w.faults.happened() {
				t.Fatalf("%s was not called", op)
			}
			w.sweepAt("24T12:31")
			w.sweepAt("24T12:32")
			w.wantRuns("24T12:30")
			k := w.worker("a")
			k.take(true)
			k.take(false)
			if sc := w.status(); sc.Starting != nil || sc.Last == nil || sc.Error != "" {
				t.Errorf("%s, applied %v: %+v", op, applied, sc)
			}
		}
	}
}

// TestScheduleWithFolder: the folder lives as long as the schedule, also while that is
// paused, and not longer.
func TestScheduleWithFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	folder := w.upload(w.user, "a folder")
	w.schedule("0 3 1 * *", func(s *errand.Schedule) { s.Job.Source, s.Missed = folder, errand.MissedOnce })
	days := func(n int) {
		for range n {
			w.clock.Advance(24 * time.Hour)
			w.sweep()
		}
	}
	days(7 * 30)
	if _, err := w.svc.PauseSchedule(w.ctx, w.user, "s"); err != nil {
		t.Fatal(err)
	}
	days(7 * 19)
	job, err := w.svc.RunSchedule(w.ctx, w.user, "s", "") // in week 50
	if err != nil {
		t.Fatal(err)
	}
	a := w.worker("a")
	got := a.take(true)
	for got.JobID != job.Spec.ID {
		got = a.take(true)
	}
	if status, body := w.send(got.Source.Download, nil); status != 200 || string(body) != "a folder" {
		t.Errorf("HTTP %d %q", status, body)
	}
	if sc := w.status(); sc.Last == nil || sc.Last.At.Format("2006-01-02") != "2027-06-01" {
		t.Errorf("last %+v", sc.Last)
	}
	wantCode(t, w.svc.DeleteSchedule(w.ctx, w.user, "s"), "")
	days(33)
	if _, err := w.svc.Blobs.Stat(w.ctx, errand.UploadKey("ann", folder.SHA256)); err == nil {
		t.Error("the folder outlives its schedule")
	}
}

// TestGoneFolder: a schedule whose folder is gone says what to do.
func TestGoneFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	folder := w.upload(w.user, "a folder")
	w.schedule("30 12 * * *", func(s *errand.Schedule) { s.Job.Source, s.Missed = folder, errand.MissedOnce })
	w.clock.Advance(33 * 24 * time.Hour) // the server was off
	w.sweep()
	w.clock.Advance(24 * time.Hour)
	w.sweep()
	w.wantRuns()
	if sc := w.status(); !strings.Contains(sc.Error, "--replace") || sc.Status != errand.ScheduleActive {
		t.Errorf("%+v", sc)
	}
}

// TestPruneKeepsFolderOfSchedule: a server that was off for weeks may prune before it sweeps.
func TestPruneKeepsFolderOfSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	folder := w.upload(w.user, "a folder")
	w.upload(w.user, "another folder")
	w.schedule("30 12 * * *", func(s *errand.Schedule) { s.Job.Source = folder })
	w.clock.Advance(20*24*time.Hour + 30*time.Minute)
	pruned, err := w.svc.Prune(w.ctx, errand.Prune{})
	if err != nil || pruned.Kinds[0].RemovedItems != 1 {
		t.Fatalf("%+v, %v", pruned, err)
	}
	w.sweep()
	w.wantRuns("14T12:30")
}

// TestScheduledJobTriedAgain: a job that is refused for now is created by a later sweep, for
// the same run; a run that is still refused at the time of the next gives way to that. The
// schedule says so.
func TestScheduledJobTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grantUser()
	k := w.register(control.Principal{}, errand.Registration{WorkerID: "a", Labels: map[string]string{"gpu": "h200"}})
	busy := w.create(group("g"))
	w.schedule("30 * * * *", func(sc *errand.Schedule) {
		sc.Job.Group, sc.Job.Requires = "g", map[string]string{"gpu": "*"}
	})
	w.sweepAt("24T12:30")
	w.wantRuns()
	if sc := w.status(); sc.Starting == nil || !strings.Contains(sc.Error, "tried again until the next run: ") {
		t.Fatalf("%+v", sc)
	}
	w.sweepAt("24T13:30")
	w.wantRuns()
	if sc := w.status(); sc.Starting == nil || sc.Starting.At.Hour() != 13 {
		t.Fatalf("%+v", sc)
	}
	w.sweepAt("24T13:31")
	k.end(busy.Spec.ID, 0)
	w.sweepAt("24T13:32")
	w.wantRuns("24T13:30")
	if sc := w.status(); sc.Starting != nil || sc.Error != "" {
		t.Errorf("%+v", sc)
	}
}
