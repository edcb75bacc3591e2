package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/cron"
)

// ScheduleStore stores schedules.
type ScheduleStore interface {
	// Schedule reads a schedule. Errors: ErrNotFound.
	Schedule(ctx context.Context, k errand.ScheduleKey) (*errand.Schedule, error)
	// Schedules lists a page of the schedules of an owner, or of all if owner is empty, by
	// owner and name, from the one after cursor on ("": the first). A cursor is the Ref of a
	// schedule of the owner. A page may have fewer than limit, so that it is at most 1 MB.
	Schedules(ctx context.Context, owner, cursor string, limit int) (schedules []errand.Schedule, next string, err error)
	// PutSchedule writes the schedule and sets sc.Rev to the new revision, which no deleted
	// schedule of that name had. Errors: ErrConflict, if the stored revision isn't sc.Rev; 0
	// is that of a schedule that does not exist.
	PutSchedule(ctx context.Context, sc *errand.Schedule) error
	// DeleteSchedule deletes a schedule. It may be repeated.
	DeleteSchedule(ctx context.Context, k errand.ScheduleKey) error
	// AddScheduleJob notes a job of the schedule, for lists of its jobs. It may be repeated.
	AddScheduleJob(ctx context.Context, k errand.ScheduleKey, jobID string) error
}

// ScheduleOptions are the parts of a request to create a schedule beside it.
type ScheduleOptions struct {
	// Replace lets it replace a schedule of the same name, which keeps its counts.
	Replace bool
	// DryRun checks all that is checked without it, and stores nothing.
	DryRun bool
}

// CreateSchedule stores a schedule, whose first run is the next time of its cron
// expression. If there is the same one already, made is false.
// Errors: CodeInvalidField, CodeScheduleExists, and those of CreateJob.
func (s *Service) CreateSchedule(ctx context.Context, c Caller, sc errand.Schedule, o ScheduleOptions) (_ errand.Schedule, made bool, err error) {
	sc.Owner, sc.TokenHash = c.Owner, c.TokenHash
	sc.Job.Owner, sc.Job.Schedule = c.Owner, sc.Name
	sc.Normalise()
	if err := sc.Validate(); err != nil {
		return sc, false, err
	}
	expression, err := parseCron(&sc)
	if err != nil {
		return sc, false, err
	}
	if expression.Next(s.now()).IsZero() {
		return sc, false, errand.InvalidField("cron", "no time matches the cron expression %q", sc.Cron)
	}
	if err := s.prepare(ctx, c, &sc.Job, ""); err != nil {
		return sc, false, jobField(err)
	}
	for range casAttempts {
		now := s.now()
		old, err := s.Store.Schedule(ctx, sc.ScheduleKey)
		switch {
		case errors.Is(err, ErrNotFound):
			if err := s.checkScheduleCount(ctx, c.Owner); err != nil {
				return sc, false, err
			}
			sc.CreatedAt, sc.Status, sc.Rev = now, errand.ScheduleActive, 0
		case err != nil:
			return sc, false, unavailable("read the schedule", err)
		case sameSchedule(old, &sc):
			return *old, false, nil
		case !o.Replace:
			return sc, false, &errand.Error{Code: errand.CodeScheduleExists, Field: "name", Message: fmt.Sprintf("you have another schedule %s; delete it, choose another name, or replace it with --replace (replace: true)", sc.Name)}
		default:
			takeOver(&sc, old)
		}
		sc.Next, sc.RenewAt = expression.Next(now), firstRenewal(now, &sc)
		if o.DryRun {
			return sc, false, nil
		}
		err = s.Store.PutSchedule(ctx, &sc)
		if err == nil {
			return sc, old == nil, nil
		}
		if !errors.Is(err, ErrConflict) {
			return sc, false, unavailable("store the schedule", err)
		}
	}
	return sc, false, errBusy("the schedule " + sc.Name)
}

// NextRuns returns the next n times of the schedule's cron expression, whatever its status;
// fewer if no more match. Errors: CodeInvalidField.
func (s *Service) NextRuns(sc *errand.Schedule, n int) ([]time.Time, error) {
	expression, err := parseCron(sc)
	if err != nil {
		return nil, err
	}
	runs := make([]time.Time, 0, n)
	for at := expression.Next(s.now()); !at.IsZero() && len(runs) < n; at = expression.Next(at) {
		runs = append(runs, at)
	}
	return runs, nil
}

// takeOver gives a schedule what it keeps of the one that it replaces.
func takeOver(sc, old *errand.Schedule) {
	sc.CreatedAt, sc.Rev = old.CreatedAt, old.Rev
	sc.Status, sc.Starting, sc.Last, sc.Recent = old.Status, old.Starting, old.Last, old.Recent
	sc.MissedRuns, sc.SkippedRuns = old.MissedRuns, old.SkippedRuns
	if sc.Status == errand.ScheduleStopped { // its owner has a token again
		sc.Status = errand.ScheduleActive
	}
}

// sameSchedule reports whether both say the same.
func sameSchedule(a, b *errand.Schedule) bool {
	return a.Cron == b.Cron && a.Zone == b.Zone && a.Missed == b.Missed && a.Overlap == b.Overlap &&
		a.Status != errand.ScheduleStopped && string(specJSON(&a.Job)) == string(specJSON(&b.Job))
}

// parseCron reads the schedule's expression in its zone. Errors: CodeInvalidField.
func parseCron(sc *errand.Schedule) (*cron.Expression, error) {
	zone, err := cron.LoadZone(sc.Zone)
	if err != nil {
		return nil, errand.InvalidField("timeZone", "there is no time zone %q; use an IANA name like Europe/Berlin, or UTC", sc.Zone)
	}
	expression, err := cron.Parse(sc.Cron, zone)
	if err != nil {
		return nil, errand.InvalidField("cron", "cron must be a cron expression like 0 3 * * 1-5 or @daily: %v", err)
	}
	return expression, nil
}

// jobField returns the error of a job that is a part of the request.
func jobField(err error) error {
	var e *errand.Error
	if errors.As(err, &e) && e.Field != "" {
		inner := *e
		inner.Field = "job." + e.Field
		return &inner
	}
	return err
}

func (s *Service) checkScheduleCount(ctx context.Context, owner string) error {
	all, err := s.allSchedules(ctx, owner)
	if err != nil {
		return err
	}
	if len(all) >= errand.MaxSchedules {
		return errand.InvalidField("name", "%s has %d schedules, which is the limit; delete one first", owner, errand.MaxSchedules)
	}
	return nil
}

// Schedules lists a page of the caller's schedules, or of all owners' for an admin.
// Errors: CodeInvalidField.
func (s *Service) Schedules(ctx context.Context, c Caller, cursor string, limit int) (page []errand.Schedule, next string, err error) {
	owner := c.Owner
	if c.Role == errand.RoleAdmin {
		owner = ""
	}
	if cursor != "" {
		k := scheduleKey(c, cursor)
		if !k.Valid() || !c.Sees(k.Owner) {
			return nil, "", errand.InvalidField("cursor", "cursor must be the \"next\" of the previous page")
		}
		cursor = k.Ref()
	}
	page, next, err = s.Store.Schedules(ctx, owner, cursor, limit)
	if err != nil {
		return nil, "", unavailable("list the schedules", err)
	}
	return page, next, nil
}

// allSchedules lists all schedules of an owner, or of all owners if owner is empty.
func (s *Service) allSchedules(ctx context.Context, owner string) (all []errand.Schedule, err error) {
	for cursor, more := "", true; more; more = cursor != "" {
		var page []errand.Schedule
		if page, cursor, err = s.Store.Schedules(ctx, owner, cursor, errand.MaxPage); err != nil {
			return nil, unavailable("list the schedules", err)
		}
		all = append(all, page...)
	}
	return all, nil
}

// scheduleKey reads NAME, or OWNER/NAME.
func scheduleKey(c Caller, ref string) errand.ScheduleKey {
	if owner, name, ok := strings.Cut(ref, "/"); ok {
		return errand.ScheduleKey{Owner: owner, Name: name}
	}
	return errand.ScheduleKey{Owner: c.Owner, Name: ref}
}

func errScheduleNotFound(ref string) error {
	return errand.Errorf(errand.CodeScheduleNotFound, "there is no schedule %q; errand schedule list lists yours", ref)
}

// Schedule reads a schedule by NAME, or OWNER/NAME.
// Errors: CodeScheduleNotFound, also for another owner's.
func (s *Service) Schedule(ctx context.Context, c Caller, ref string) (errand.Schedule, error) {
	k := scheduleKey(c, ref)
	if !c.Sees(k.Owner) {
		return errand.Schedule{}, errScheduleNotFound(ref)
	}
	sc, err := s.Store.Schedule(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return errand.Schedule{}, errScheduleNotFound(ref)
	}
	if err != nil {
		return errand.Schedule{}, unavailable("read the schedule", err)
	}
	return *sc, nil
}

// PauseSchedule pauses a schedule. Its jobs go on. Errors: CodeScheduleNotFound.
func (s *Service) PauseSchedule(ctx context.Context, c Caller, ref string) (errand.Schedule, error) {
	return s.changeSchedule(ctx, c, ref, func(sc *errand.Schedule, _ time.Time) (bool, error) { return sc.Pause(), nil })
}

// ResumeSchedule makes a schedule active again: its next run is the next time from now.
// Errors: CodeScheduleNotFound.
func (s *Service) ResumeSchedule(ctx context.Context, c Caller, ref string) (errand.Schedule, error) {
	return s.changeSchedule(ctx, c, ref, func(sc *errand.Schedule, now time.Time) (bool, error) {
		expression, err := parseCron(sc)
		if err != nil {
			return false, err
		}
		token := "" // an admin's doesn't replace another owner's
		if c.Owner == sc.Owner {
			token = c.TokenHash
		}
		sc.Resume(now, token, expression.Next)
		return true, nil
	})
}

// changeSchedule reads a schedule, lets f change it, and writes it if f returns true. It
// starts again after a conflict.
func (s *Service) changeSchedule(ctx context.Context, c Caller, ref string, f func(*errand.Schedule, time.Time) (bool, error)) (errand.Schedule, error) {
	for range casAttempts {
		sc, err := s.Schedule(ctx, c, ref)
		if err != nil {
			return sc, err
		}
		write, err := f(&sc, s.now())
		if err != nil || !write {
			return sc, err
		}
		err = s.Store.PutSchedule(ctx, &sc)
		if err == nil {
			return sc, nil
		}
		if !errors.Is(err, ErrConflict) {
			return sc, unavailable("store the schedule", err)
		}
	}
	return errand.Schedule{}, errBusy("the schedule " + ref)
}

// DeleteSchedule deletes a schedule. Its jobs stay. Errors: CodeScheduleNotFound.
func (s *Service) DeleteSchedule(ctx context.Context, c Caller, ref string) error {
	sc, err := s.Schedule(ctx, c, ref)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteSchedule(ctx, sc.ScheduleKey); err != nil {
		return unavailable("delete the schedule", err)
	}
	return nil
}

// RunSchedule creates a job of the schedule now, whatever its status and its policies say.
// Requests with the same key create one job. Errors: CodeScheduleNotFound, and those of
// CreateJob.
func (s *Service) RunSchedule(ctx context.Context, c Caller, ref, key string) (errand.Job, error) {
	sc, err := s.Schedule(ctx, c, ref)
	if err != nil {
		return errand.Job{}, err
	}
	as := c
	as.Owner = sc.Owner
	job, err := s.CreateJob(ctx, as, sc.Job, CreateOptions{Key: key})
	if err != nil {
		return job, err
	}
	if err := s.Store.AddScheduleJob(ctx, sc.ScheduleKey, job.Spec.ID); err != nil {
		return job, unavailable("note the schedule's job", err)
	}
	_, err = s.changeSchedule(ctx, c, ref, func(sc *errand.Schedule, _ time.Time) (bool, error) {
		if slices.Contains(sc.Recent, job.Spec.ID) {
			return false, nil
		}
		sc.Remember(job.Spec.ID)
		return true, nil
	})
	if errand.CodeOf(err) == errand.CodeScheduleNotFound { // deleted since
		err = nil
	}
	return job, err
}
