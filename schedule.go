package errand

import (
	"fmt"
	"slices"
	"time"
)

// MissedPolicy says what becomes of the runs of a schedule that no server started in
// time. No policy starts more than one job for all of them.
type MissedPolicy string

// The policies for missed runs.
const (
	MissedSkip MissedPolicy = "skip" // they are left out, but for one that is up to MissedAfter late
	MissedOnce MissedPolicy = "once" // the last of them is made up for
)

// OverlapPolicy says what a schedule does with a run whose time comes while an earlier job
// of the schedule has not ended.
type OverlapPolicy string

// The policies for overlapping runs.
const (
	OverlapAllow  OverlapPolicy = "allow"
	OverlapSkip   OverlapPolicy = "skip"   // the run is left out
	OverlapCancel OverlapPolicy = "cancel" // the earlier job is cancelled
)

// ScheduleStatus is the status of a schedule.
type ScheduleStatus string

// The statuses of schedules.
const (
	ScheduleActive  ScheduleStatus = "active"
	SchedulePaused  ScheduleStatus = "paused"  // by a person
	ScheduleStopped ScheduleStatus = "stopped" // its owner has no token any more
)

const (
	// MissedAfter is how late a run may start; later, it is missed.
	MissedAfter = 10 * time.Minute
	// MaxSchedules is how many schedules an owner may have.
	MaxSchedules = 100
	// MaxCronBytes is the longest cron expression.
	MaxCronBytes = 200
	// maxScheduleRecent limits Schedule.Recent.
	maxScheduleRecent = 10
	// maxMissed is how many missed runs are counted at once.
	maxMissed = 1000
)

// ScheduleKey names a schedule.
type ScheduleKey struct{ Owner, Name string }

// Ref is OWNER/NAME.
func (k ScheduleKey) Ref() string { return k.Owner + "/" + k.Name }

// Valid reports whether a schedule can have this key.
func (k ScheduleKey) Valid() bool {
	return ownerRE.MatchString(k.Owner) && scheduleRE.MatchString(k.Name)
}

// A ScheduledRun is a run of a schedule, and its job.
type ScheduledRun struct {
	At        time.Time // according to the cron expression
	JobID     string
	CreatedAt time.Time // of the job
}

// A Schedule creates a job at each time of its cron expression. It is one record, written
// whole on condition of its revision, so each run is claimed once (Claim). The job then has
// the ID and the creation time of the claim, however often its creation is repeated.
type Schedule struct {
	ScheduleKey
	Cron    string // five fields, or a macro: see internal/cron
	Zone    string // IANA name
	Missed  MissedPolicy
	Overlap OverlapPolicy
	Job     Spec // what each job is; it has no ID yet
	// TokenHash is that of the token by which the owner created or resumed the schedule.
	// Its jobs may use what that token may.
	TokenHash string
	CreatedAt time.Time

	Status ScheduleStatus
	// Error says why it is stopped, or why the last run started no job.
	Error string
	// Next is the time of the next run; zero if there is none.
	Next time.Time
	// RenewAt is when the uploads of the job's folder must be renewed, so that they live
	// as long as the schedule; zero if it has no folder.
	RenewAt time.Time
	// Starting is a claimed run whose job may not exist yet.
	Starting *ScheduledRun
	// Last is the last run that started a job.
	Last *ScheduledRun
	// Recent are jobs that may not have ended, oldest first.
	Recent []string
	// MissedRuns and SkippedRuns count the runs that were left out by either policy.
	MissedRuns, SkippedRuns int

	Rev int // revision: each write is for exactly one
}

// Normalise fills in the defaults of what the creator left out.
func (s *Schedule) Normalise() {
	if s.Zone == "" {
		s.Zone = "UTC"
	}
	if s.Missed == "" {
		s.Missed = MissedSkip
	}
	if s.Overlap == "" {
		s.Overlap = OverlapAllow
	}
}

// Validate checks a normalised schedule, except for its job, its expression and its zone.
// The error is an *Error with CodeInvalidField.
func (s *Schedule) Validate() error {
	switch {
	case !scheduleRE.MatchString(s.Name):
		return InvalidField("name", "name must be 1 to 64 lower-case letters, digits, dots, hyphens and underscores, and begin with a letter or a digit; got %q", clipRunes(s.Name, 70))
	case s.Missed != MissedSkip && s.Missed != MissedOnce:
		return InvalidField("missed", "missed must be %s or %s, got %q", MissedSkip, MissedOnce, clipRunes(string(s.Missed), 40))
	case s.Overlap != OverlapAllow && s.Overlap != OverlapSkip && s.Overlap != OverlapCancel:
		return InvalidField("overlap", "overlap must be %s, %s or %s, got %q", OverlapAllow, OverlapSkip, OverlapCancel, clipRunes(string(s.Overlap), 40))
	case len(s.Cron) > MaxCronBytes:
		return InvalidField("cron", "cron is %d bytes long; the limit is %d", len(s.Cron), MaxCronBytes)
	case len(s.Job.After) > 0:
		return InvalidField("job.after", "a schedule's job can't wait for other jobs")
	case !s.Job.NotBefore.IsZero():
		return InvalidField("job.notBefore", "a schedule's job can't have a time of its own; the schedule says when it runs")
	}
	return nil
}

// DueAt is when the sweep should look at the schedule; the zero time: never.
func (s *Schedule) DueAt() time.Time {
	due := s.RenewAt
	if s.Status == ScheduleActive && !s.Next.IsZero() && (due.IsZero() || s.Next.Before(due)) {
		due = s.Next
	}
	if s.Starting != nil && (due.IsZero() || s.Starting.CreatedAt.Before(due)) {
		due = s.Starting.CreatedAt
	}
	return due
}

// RunDue reports whether the time of a run has come that nobody has claimed.
func (s *Schedule) RunDue(now time.Time) bool {
	return s.Starting == nil && s.Status == ScheduleActive && !s.Next.IsZero() && !s.Next.After(now)
}

// Take takes the runs whose time has come, and counts those that are missed. It returns the
// one to start, or the zero time if all are missed. next is the cron expression's.
func (s *Schedule) Take(now time.Time, next func(time.Time) time.Time) time.Time {
	last, passed := s.Next, 1
	following := next(last)
	for ; !following.IsZero() && !following.After(now) && passed < maxMissed; passed++ {
		last, following = following, next(following)
	}
	if !following.IsZero() && !following.After(now) {
		last = lastTime(now, next)
		following = next(last)
	}
	s.Next = following
	if s.Missed == MissedSkip && now.Sub(last) > MissedAfter {
		s.MissedRuns += passed
		return time.Time{}
	}
	s.MissedRuns += passed - 1
	return last
}

// lastTime returns the last time that is not after now. There must be one.
func lastTime(now time.Time, next func(time.Time) time.Time) time.Time {
	for back := time.Minute; ; back *= 2 {
		last := next(now.Add(-back))
		if last.IsZero() || last.After(now) {
			continue
		}
		for at := next(last); !at.IsZero() && !at.After(now); at = next(at) {
			last = at
		}
		return last
	}
}

// Claim claims a run for the job with that ID.
func (s *Schedule) Claim(at time.Time, jobID string, now time.Time) {
	s.Starting = &ScheduledRun{At: at, JobID: jobID, CreatedAt: now}
}

// Started records that the claimed job exists.
func (s *Schedule) Started() {
	s.Last, s.Starting, s.Error = s.Starting, nil, ""
	s.Remember(s.Last.JobID)
}

// NotStarted records why the claimed job could not be created.
func (s *Schedule) NotStarted(message string) { s.Starting, s.Error = nil, message }

// Delayed records why the claimed job could not be created yet.
func (s *Schedule) Delayed(message string) { s.Error = message }

// Remember adds a job that may not have ended.
func (s *Schedule) Remember(jobID string) {
	if slices.Contains(s.Recent, jobID) {
		return
	}
	s.Recent = append(slices.Clone(s.Recent), jobID)
	s.Recent = s.Recent[max(0, len(s.Recent)-maxScheduleRecent):]
}

// Pause pauses the schedule. It returns false if it is not active.
func (s *Schedule) Pause() bool {
	if s.Status != ScheduleActive {
		return false
	}
	s.Status = SchedulePaused
	return true
}

// Resume makes the schedule active from now on, for the owner's token: the times that have
// passed are not made up for.
func (s *Schedule) Resume(now time.Time, tokenHash string, next func(time.Time) time.Time) {
	if tokenHash != "" {
		s.TokenHash = tokenHash
	}
	s.Status, s.Error, s.Next = ScheduleActive, "", next(now)
}

// Stop stops the schedule, whose owner has no token any more.
func (s *Schedule) Stop() {
	s.Status = ScheduleStopped
	s.Error = fmt.Sprintf("%s has no token any more; with a new token, resume it", s.Owner)
}
