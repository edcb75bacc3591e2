package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// Renewer keeps objects from expiring.
type Renewer interface {
	// Renew makes an object, as Stat described it, as young as one just written. Errors:
	// ErrNotFound.
	Renew(ctx context.Context, b Blob) error
}

// sweepSchedule looks at a schedule that is due: it finishes a run that was claimed, renews
// the uploads of its folder, and claims and starts the run whose time has come. Of two
// sweeps at once, one loses each write, and leaves the rest to the other.
func (s *Service) sweepSchedule(ctx context.Context, k errand.ScheduleKey, report *SweepReport) error {
	sc, err := s.Store.Schedule(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return nil // the index lags behind
	}
	if err != nil {
		return unavailable("read the schedule", err)
	}
	now := s.now()
	if due := sc.DueAt(); due.IsZero() || due.After(now) {
		return nil
	}
	if sc.Starting != nil { // a sweep was interrupted
		if err := s.startRun(ctx, sc, true, report); err != nil {
			return ignoreConflict(err)
		}
	}
	if err := s.renewFolder(ctx, sc); err != nil {
		return ignoreConflict(err)
	}
	if sc.RunDue(now) {
		return ignoreConflict(s.runSchedule(ctx, sc, now, report))
	}
	return nil
}

func ignoreConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// runSchedule claims the run whose time has come, and starts it, unless a policy says to
// leave it out.
func (s *Service) runSchedule(ctx context.Context, sc *errand.Schedule, now time.Time, report *SweepReport) error {
	expression, err := parseCron(sc)
	if err != nil {
		return err
	}
	token, err := s.ownerToken(ctx, sc)
	if err != nil {
		return err
	}
	if token == nil {
		sc.Stop()
		return s.Store.PutSchedule(ctx, sc)
	}
	sc.TokenHash = token.Hash
	at := sc.Take(now, expression.Next)
	active, err := s.activeRuns(ctx, sc)
	if err != nil {
		return err
	}
	switch {
	case at.IsZero():
		return s.Store.PutSchedule(ctx, sc)
	case sc.Overlap == errand.OverlapSkip && len(active) > 0:
		sc.SkippedRuns++
		return s.Store.PutSchedule(ctx, sc)
	}
	sc.Claim(at, s.NewID(now), now)
	if err := s.Store.PutSchedule(ctx, sc); err != nil {
		return err
	}
	return s.startRun(ctx, sc, false, report)
}

// activeRuns returns the schedule's jobs that have not ended, if its policy needs them.
func (s *Service) activeRuns(ctx context.Context, sc *errand.Schedule) ([]string, error) {
	if sc.Overlap == errand.OverlapAllow || len(sc.Recent) == 0 {
		return nil, nil
	}
	var active []string
	for _, id := range sc.Recent {
		st, err := s.Store.State(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, unavailable("read a job of the schedule", err)
		}
		if r := st.Record(); !r.View(s.now()).Status.Terminal() {
			active = append(active, id)
		}
	}
	sc.Recent = active
	return active, nil
}

// startRun creates the job of the run that was claimed, and records it. It may be repeated:
// again says that another sweep may have created the job.
func (s *Service) startRun(ctx context.Context, sc *errand.Schedule, again bool, report *SweepReport) error {
	run := *sc.Starting
	if sc.Overlap == errand.OverlapCancel {
		s.cancelRuns(ctx, sc)
	}
	exists := false
	if again {
		var err error
		if exists, err = s.resumeRun(ctx, run.JobID); err != nil {
			return err
		}
	}
	var err error
	if !exists {
		err = s.createRun(ctx, sc, run)
	}
	var refused *errand.Error
	switch {
	case err == nil:
		sc.Started()
		report.Scheduled++
	case errors.As(err, &refused) && mayPass(refused.Code) && (sc.Next.IsZero() || s.now().Before(sc.Next)):
		sc.Delayed("its job can't be created yet, and is tried again until the next run: " + refused.Message)
	case errors.As(err, &refused) && refused.Code.Status() < 500:
		s.Log.InfoContext(ctx, "scheduled job not created", "schedule", sc.Ref(), "err", err)
		sc.NotStarted(notStarted(refused))
	default:
		return err // the next sweep tries again
	}
	return s.Store.PutSchedule(ctx, sc)
}

// mayPass reports whether the same job may be accepted later.
func mayPass(c errand.Code) bool {
	return c == errand.CodeConflict || c == errand.CodeRateLimited || c == errand.CodeGroupRequirements
}

// notStarted says why a schedule's job was refused.
func notStarted(e *errand.Error) string {
	if e.Code == errand.CodeSourceNotFound {
		return "its folder is gone from the server; send it again with errand schedule create --replace"
	}
	return e.Message
}

// resumeRun completes the creation of a job that may exist.
func (s *Service) resumeRun(ctx context.Context, jobID string) (exists bool, err error) {
	spec, state, err := s.Store.Job(ctx, jobID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable("read the job", err)
	}
	_, err = s.sendFirst(ctx, spec, state)
	return true, err
}

// createRun creates the job of a run, with the permissions of the token that the schedule
// was created by.
func (s *Service) createRun(ctx context.Context, sc *errand.Schedule, run errand.ScheduledRun) error {
	token, err := s.ownerToken(ctx, sc)
	if err != nil {
		return err
	}
	if token == nil {
		return errand.Errorf(errand.CodeForbidden, "%s has no token any more", sc.Owner)
	}
	spec := sc.Job
	c := Caller{Principal: Principal{Role: token.Role, Owner: sc.Owner, Queues: token.Queues}}
	if err := s.prepare(ctx, c, &spec, ""); err != nil {
		return err
	}
	spec.ID, spec.CreatedAt, spec.ScheduledAt = run.JobID, run.CreatedAt, run.At
	if err := s.Store.AddScheduleJob(ctx, sc.ScheduleKey, run.JobID); err != nil {
		return unavailable("note the schedule's job", err)
	}
	_, err = s.createJob(ctx, &spec, CreateOptions{})
	return err
}

// cancelRuns cancels the schedule's earlier jobs that have not ended. One that can't be
// cancelled doesn't hold back the run.
func (s *Service) cancelRuns(ctx context.Context, sc *errand.Schedule) {
	admin := Caller{Principal: Principal{Role: errand.RoleAdmin, Owner: sc.Owner}}
	for _, id := range sc.Recent {
		_, err := s.Cancel(ctx, admin, id)
		switch errand.CodeOf(err) {
		case "", errand.CodeJobFinished, errand.CodeJobNotFound:
		default:
			s.Log.WarnContext(ctx, "earlier job of the schedule not cancelled", "schedule", sc.Ref(), "job", id, "err", err)
		}
	}
}

// ownerToken returns the token that the schedule's jobs are created by: the one that it was
// created or resumed by, or else another one of its owner; nil if there is none.
func (s *Service) ownerToken(ctx context.Context, sc *errand.Schedule) (*errand.Token, error) {
	if sc.TokenHash != "" {
		t, err := s.Store.Token(ctx, sc.TokenHash)
		if err == nil && createsJobsOf(t, sc.Owner) {
			return t, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, unavailable("read the token", err)
		}
	}
	all, err := s.Store.Tokens(ctx)
	if err != nil {
		return nil, unavailable("list the tokens", err)
	}
	var found *errand.Token
	for i := range all {
		t := &all[i]
		if !createsJobsOf(t, sc.Owner) {
			continue
		}
		if found = t; len(t.Queues) == 0 || slices.Contains(t.Queues, sc.Job.Queue) {
			return t, nil
		}
	}
	return found, nil
}

func createsJobsOf(t *errand.Token, owner string) bool {
	return t.Owner == owner && t.Session == nil && (t.Role == errand.RoleUser || t.Role == errand.RoleAdmin)
}

// renewalAge is the age at which the uploads of a schedule's folder are renewed: a day
// before they would be too old for a new job.
func (s *Service) renewalAge() time.Duration {
	return s.Timing.UploadLifetime - s.Timing.UploadMargin - 24*time.Hour
}

// firstRenewal returns when a new schedule's folder must be renewed. How old its uploads
// are isn't known here, so the first sweep looks.
func firstRenewal(now time.Time, sc *errand.Schedule) time.Time {
	if sc.Job.Source == nil {
		return time.Time{}
	}
	return now
}

// renewFolder renews the uploads of the schedule's folder that are too old, and records
// when the next one will be. A folder that is gone is reported by the runs.
func (s *Service) renewFolder(ctx context.Context, sc *errand.Schedule) error {
	now := s.now()
	if sc.RenewAt.IsZero() || sc.RenewAt.After(now) {
		return nil
	}
	source := sc.Job.Source
	ages := make([]time.Duration, 1+len(source.Packs))
	err := each(len(ages), func(i int) (err error) {
		sha256 := source.SHA256
		if i > 0 {
			sha256 = source.Packs[i-1]
		}
		ages[i], err = s.renewUpload(ctx, errand.UploadKey(sc.Owner, sha256))
		return err
	})
	if err != nil {
		return err
	}
	sc.RenewAt = now.Add(max(time.Hour, s.renewalAge()-slices.Max(ages)))
	return s.Store.PutSchedule(ctx, sc)
}

// renewUpload renews an upload that is too old, and returns its age; 0 if it is gone.
func (s *Service) renewUpload(ctx context.Context, key string) (time.Duration, error) {
	blob, err := s.Blobs.Stat(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, unavailable("look for the schedule's folder", err)
	}
	if age := s.now().Sub(blob.Modified); age < s.renewalAge() {
		return max(age, 0), nil
	}
	if err := s.Blobs.Renew(ctx, blob); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, unavailable("renew the schedule's folder", err)
	}
	return 0, nil
}
