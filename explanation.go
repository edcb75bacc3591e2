package errand

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Cause is what a pending job waits for, or what became of a job that isn't pending.
type Cause string

// The causes. The set is closed.
const (
	CauseAfter       Cause = "after"        // the jobs that it was created to wait for
	CauseNotBefore   Cause = "not_before"   // its time
	CauseQueuePaused Cause = "queue_paused" // somebody resumes its queue
	CauseGroup       Cause = "group"        // an earlier job of its group
	CauseNoWorker    Cause = "no_worker"    // no online worker takes jobs of its queue
	CauseUnsuitable  Cause = "unsuitable"   // those that do lack something that the job requires
	CauseWorkersBusy Cause = "workers_busy" // those that could run it have no free slot
	CauseAhead       Cause = "ahead"        // earlier jobs are given out first, to workers that have free slots
	CauseNext        Cause = "next"         // a free worker takes it when it asks for work
	CauseRunning     Cause = "running"
	CauseSilent      Cause = "silent"     // it runs, and its worker is not heard from
	CauseCancelling  Cause = "cancelling" // it runs, and its end was requested
	CauseEnded       Cause = "ended"
)

// Causes are all causes.
var Causes = []Cause{
	CauseAfter, CauseNotBefore, CauseQueuePaused, CauseGroup, CauseNoWorker, CauseUnsuitable, CauseWorkersBusy, CauseAhead, CauseNext, CauseRunning, CauseSilent, CauseCancelling, CauseEnded,
}

// Explanation is why a job waits, or what became of it: one sentence, and the facts that
// it is made of.
type Explanation struct {
	JobID  string `json:"jobId"`
	Status Status `json:"status"`
	Cause  Cause  `json:"cause"`
	// Sentence says it all, for people: without a capital letter and a full stop.
	Sentence string `json:"sentence"`
	// State is another when the cause, or the job that this one waits for, is another.
	State string `json:"state"`
	// PollIntervalMs is how long to wait before the next request: one that gives State
	// may be held instead, where this is short.
	PollIntervalMs int64 `json:"pollIntervalMs"`
	// Position among the pending jobs of the queue, from 1 to MaxPosition; 0: behind
	// that, or not pending.
	After       *AwaitedJobs   `json:"after,omitempty"`
	NotBefore   *time.Time     `json:"notBefore,omitempty"`
	Position    int            `json:"position,omitempty"`
	Before      *JobsBefore    `json:"before,omitempty"`  // of a pending job
	Group       *GroupBefore   `json:"group,omitempty"`   // if the job waits for its group
	Workers     *WorkersForJob `json:"workers,omitempty"` // of a pending job
	Try         int            `json:"try,omitempty"`     // of MaxAttempts: the attempt that runs, or is next
	MaxAttempts int            `json:"maxAttempts"`
	// LastAttempt is the one that ended before, or the one that runs, or the one that
	// ended the job.
	LastAttempt *JobAttempt `json:"lastAttempt,omitempty"`
	LastHeard   *time.Time  `json:"lastHeard,omitempty"` // of a running job's worker
	// HeartbeatMs is within what time the worker learns that the job is to be cancelled; 0:
	// at once, or it isn't.
	HeartbeatMs int64      `json:"heartbeatMs,omitempty"`
	Silence     *Silence   `json:"silence,omitempty"`
	ExitCode    *int       `json:"exitCode,omitempty"`
	Reason      Reason     `json:"reason,omitempty"`
	Error       string     `json:"error,omitempty"`
	FinishedAt  *time.Time `json:"finishedAt,omitempty"`
}

// MaxPosition is the last position that is known exactly.
const MaxPosition = 1000

// JobsBefore counts the pending jobs of the queue that are older.
type JobsBefore struct {
	Jobs int  `json:"jobs"`
	More bool `json:"more,omitempty"` // there are more than Jobs, which is MaxPosition
}

// AwaitedJobs are the jobs that a job was created to wait for and that have not ended.
type AwaitedJobs struct {
	Jobs        int     `json:"jobs"`
	FirstID     string  `json:"firstId"`
	FirstStatus Status  `json:"firstStatus"`
	On          Outcome `json:"on"` // how the first must end
}

// GroupBefore is what a job waits for in its group.
type GroupBefore struct {
	Name string `json:"name"`
	Jobs int    `json:"jobs"` // of the group that come before: pending and running ones
	// First is the one of them that runs, or runs next. Its ID and worker are left out
	// if it is another owner's.
	FirstID     string `json:"firstId,omitempty"`
	FirstStatus Status `json:"firstStatus"`
	FirstWorker string `json:"firstWorker,omitempty"`
}

// WorkersForJob counts the workers for a job.
type WorkersForJob struct {
	Online  int      `json:"online"`            // take jobs of its queue, and are neither paused nor draining
	Able    int      `json:"able"`              // of those: have what it requires
	Free    int      `json:"free"`              // of those: have a free slot
	Lacking []string `json:"lacking,omitempty"` // what it requires and no online worker has
	// Required says of the worker that it requires why it can't take the job, for the
	// sentence: "worker box-3, which it requires, is offline". Empty: it can, or any may.
	Required string `json:"-"`
	Offline  int    `json:"offline"` // take jobs of its queue, and are offline, paused or draining
	Paused   int    `json:"-"`       // of these: online and paused, for the sentence
	Draining int    `json:"-"`       // of these: online and draining
	// FreeAt is when the timeout of a job frees a slot at the latest, if all that could
	// run the job are busy and it is known.
	FreeAt *time.Time `json:"freeAt,omitempty"`
}

// Interval is how long to wait before the next request.
func (e *Explanation) Interval() time.Duration {
	return max(time.Second, time.Duration(e.PollIntervalMs)*time.Millisecond)
}

// Finish writes Sentence and State. now is the time of the explanation, and queue the
// job's.
func (e *Explanation) Finish(now time.Time, queue string) {
	e.Sentence = "job " + e.JobID + " " + e.predicate(now, queue) + e.retryClause()
	parts := []string{string(e.Status), string(e.Cause), fmt.Sprint(e.Try)}
	if e.After != nil {
		parts = append(parts, e.After.FirstID, string(e.After.FirstStatus))
	}
	if e.Group != nil {
		parts = append(parts, cmp.Or(e.Group.FirstID, "other"), string(e.Group.FirstStatus))
	}
	e.State = strings.Join(parts, ".")
}

func (e *Explanation) predicate(now time.Time, queue string) string {
	switch e.Cause {
	case CauseAfter:
		return e.afterClause(now)
	case CauseNotBefore:
		return e.timeClause(now)
	case CauseQueuePaused:
		return fmt.Sprintf("waits because queue %q is paused", queue)
	case CauseGroup:
		return e.groupClause(now, queue)
	case CauseRunning, CauseSilent, CauseCancelling:
		return e.runningClause(now)
	case CauseEnded:
		return e.endClause()
	case CauseAhead:
		return fmt.Sprintf("is %s and waits for its turn: %s free", e.place(queue), countOf(e.Workers.Free, "worker is", "workers are"))
	case CauseWorkersBusy:
		return fmt.Sprintf("is %s and waits for a free worker: %s", e.place(queue), e.workersClause(now, queue))
	case CauseNext:
		return "waits for a free worker to ask for work"
	case CauseNoWorker, CauseUnsuitable:
	}
	return "waits because " + e.workersClause(now, queue)
}

// place is the job's position.
func (e *Explanation) place(queue string) string {
	switch e.Position {
	case 0:
		return fmt.Sprintf("behind more than %d jobs of queue %q", MaxPosition, queue)
	case 1:
		return fmt.Sprintf("the first job of queue %q", queue)
	}
	return fmt.Sprintf("number %d in queue %q", e.Position, queue)
}

// timeClause says until when the job waits. It leaves that at a sweep after its time.
func (e *Explanation) timeClause(now time.Time) string {
	at := e.NotBefore.UTC().Format(time.RFC3339)
	if !e.NotBefore.After(now) {
		return "enters its queue within a minute, as its time, " + at + ", has come"
	}
	return fmt.Sprintf("waits until %s, for %s", at, roughly(e.NotBefore.Sub(now)))
}

func (e *Explanation) afterClause(now time.Time) string {
	a, end := e.After, "end"
	if a == nil {
		return "waited for jobs that have ended; what becomes of it shows within a minute"
	}
	if a.On != OnAny {
		end = string(a.On)
	}
	text := fmt.Sprintf("waits for the %s of job %s, which is %s", end, a.FirstID, a.FirstStatus)
	if a.Jobs > 1 {
		text = fmt.Sprintf("waits for %d jobs, first for the %s of job %s, which is %s", a.Jobs, end, a.FirstID, a.FirstStatus)
	}
	if e.NotBefore != nil && e.NotBefore.After(now) {
		text += ", and until " + e.NotBefore.UTC().Format(time.RFC3339)
	}
	return text
}

func (e *Explanation) groupClause(now time.Time, queue string) string {
	g := e.Group
	first := "job " + g.FirstID
	if g.FirstID == "" {
		first = "another owner's job"
	}
	status := string(g.FirstStatus)
	if g.FirstWorker != "" {
		status += " on " + g.FirstWorker
	}
	var b strings.Builder
	if g.Jobs == 1 {
		fmt.Fprintf(&b, "waits for %s of its group %q, which is %s", first, g.Name, status)
	} else {
		fmt.Fprintf(&b, "waits for %d earlier jobs of its group %q; the first, %s, is %s", g.Jobs, g.Name, first, status)
	}
	if g.FirstStatus == Pending && (e.Workers.Online == 0 || e.Workers.Required != "") {
		b.WriteString(" because " + e.workersClause(now, queue))
	}
	return b.String()
}

// workersClause says why no worker takes the job.
func (e *Explanation) workersClause(now time.Time, queue string) string {
	w := e.Workers
	switch {
	case w.Required != "":
		return w.Required
	case w.Online == 0 && w.Offline > 0:
		return fmt.Sprintf("no worker takes jobs of queue %q: %s", queue, w.absentText())
	case w.Online == 0:
		return fmt.Sprintf("no worker for queue %q is online", queue)
	case w.Able == 0 && len(w.Lacking) > 0:
		return w.lackText(queue, strings.Join(lackingText(w.Lacking), ", "))
	case w.Able == 0:
		return w.lackText(queue, "all that it requires")
	}
	text := "the only worker that can run it is busy"
	if w.Able > 1 {
		text = fmt.Sprintf("all %d workers that can run it are busy", w.Able)
	}
	who := "it"
	if w.Able > 1 {
		who = "one"
	}
	switch {
	case w.FreeAt == nil:
		return text
	case !w.FreeAt.After(now): // the worker ends the commands, and sends what they made
		return fmt.Sprintf("%s; the time of its job is over, so %s is free soon", text, who)
	}
	return fmt.Sprintf("%s; by its job's timeout, %s is free in %s at the latest", text, who, roughly(w.FreeAt.Sub(now)))
}

func (e *Explanation) runningClause(now time.Time) string {
	a := e.LastAttempt
	text := fmt.Sprintf("has been running %s since %s", a.place(), a.StartedAt.UTC().Format(time.RFC3339))
	if e.LastHeard != nil {
		text += fmt.Sprintf("; the worker was last heard from %s ago", roughly(now.Sub(*e.LastHeard)))
	}
	if e.Cause == CauseCancelling {
		text += "; its cancellation was requested" + e.learnsClause()
	}
	if e.Silence != nil {
		then := "is lost"
		if e.Silence.WillRetry {
			then = "is given to another worker"
		}
		text += fmt.Sprintf(", and the job %s in %s unless it is heard from", then, roughly(e.Silence.LeaseEndsAt.Sub(now)))
	}
	return text
}

// place is where the attempt runs, or ran.
func (a *JobAttempt) place() string {
	if a.WorkerID == DirectWorkerID {
		return "in direct mode"
	}
	return "on " + cmp.Or(a.WorkerName, a.WorkerID)
}

// learnsClause says when the worker learns that the job is to be cancelled.
func (e *Explanation) learnsClause() string {
	if e.HeartbeatMs == 0 || e.Silence != nil {
		return ""
	}
	return fmt.Sprintf(", which the worker learns within %s", roughly(time.Duration(e.HeartbeatMs)*time.Millisecond))
}

func (e *Explanation) endClause() string {
	at, on := "", ""
	if e.FinishedAt != nil {
		at = " at " + e.FinishedAt.UTC().Format(time.RFC3339)
	}
	if a := e.LastAttempt; a != nil {
		on = " " + a.place()
	}
	switch {
	case e.Status == Completed && e.ExitCode != nil:
		return fmt.Sprintf("completed%s%s with exit code %d", on, at, *e.ExitCode)
	case e.Status == Cancelled:
		if e.Error != "" {
			return fmt.Sprintf("was cancelled%s: %s", at, e.Error)
		}
		return "was cancelled" + at
	}
	return fmt.Sprintf("failed%s%s: %s", on, at, reasonText(e.Reason, e.Error))
}

// retryClause says which attempt a pending job waits for, and why the one before ended.
func (e *Explanation) retryClause() string {
	if e.Status != Pending || e.LastAttempt == nil {
		return ""
	}
	return fmt.Sprintf("; this is for attempt %d of %d, as the last one, on %s, ended: %s", e.Try, e.MaxAttempts,
		cmp.Or(e.LastAttempt.WorkerName, e.LastAttempt.WorkerID), reasonText(e.LastAttempt.Reason, e.LastAttempt.Error))
}

// reasonText is a reason with what was said of it.
func reasonText(r Reason, message string) string {
	if message == "" {
		return string(r)
	}
	line, _, _ := strings.Cut(message, "\n")
	return fmt.Sprintf("%s (%s)", r, clipRunes(line, maxReasonRunes))
}

// maxReasonRunes is how much of an error a sentence has.
const maxReasonRunes = 100

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// roughly is a duration that is rounded up for people.
func roughly(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d > 2*unit.size {
			return countOf(int((d+unit.size-1)/unit.size), unit.name, unit.name+"s")
		}
	}
	return countOf(max(0, int((d+time.Second-1)/time.Second)), "second", "seconds")
}

// absentText counts the workers that take no jobs, by why.
func (w *WorkersForJob) absentText() string {
	var parts []string
	for _, of := range []struct {
		n   int
		why string
	}{{w.Paused, "paused"}, {w.Draining, "draining"}, {w.Offline - w.Paused - w.Draining, "offline"}} {
		if of.n > 0 {
			parts = append(parts, countOf(of.n, "is", "are")+" "+of.why)
		}
	}
	return strings.Join(parts, ", ")
}

// lackText says that no online worker has what.
func (w *WorkersForJob) lackText(queue, what string) string {
	if w.Online == 1 {
		return fmt.Sprintf("the only online worker for queue %q does not have %s", queue, what)
	}
	return fmt.Sprintf("none of the %d online workers for queue %q has %s", w.Online, queue, what)
}

// lackingText is what workers lack, in the words of people.
func lackingText(lacking []string) []string {
	texts := slices.Clone(lacking)
	for i, l := range texts {
		switch l {
		case FeatureLimits:
			texts[i] = "control groups to enforce limits with"
		case FeatureTerminal:
			texts[i] = "terminals"
		case FeatureManifest, FeatureArtifacts, FeatureCache, FeatureWorkspace:
			texts[i] = "a newer agent, which knows " + l
		}
	}
	return texts
}
