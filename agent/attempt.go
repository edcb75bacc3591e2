package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/process"
	"github.com/errandhq/errand/internal/tracing"
)

// Causes of an attempt's end that come from the server.
var (
	errCancelled = errors.New("the job was cancelled")
	errAbandoned = errors.New("the server ended the attempt or gave the job to another worker")
)

// errNoLimits: the worker was given a job that it may not run without limits.
var errNoLimits = errors.New("this worker can't enforce the job's limits")

// attempt is one assignment, from the poll's answer to the report.
type attempt struct {
	*errand.Assignment
	agent *Agent
	slot  *slot
	dir   attemptdir.Dir
	host  process.Host           // what the commands learn of the machine
	work  string                 // their working directory
	temp  string                 // their TMPDIR
	lines *logLines              // from when the attempt has a directory
	save  []supervisor.SaveCache // to be packed if the commands succeed
	// workspace is open until the commands begin; nil: the folder is new.
	workspace     *attemptdir.Workspace
	usedWorkspace string // its ID, when the job has left it
	began         time.Time

	runCtx context.Context // ends with the agent
	// reportCtx ends when the attempt is reported or must not be; workCtx, within
	// it, when the commands must end. Their causes say why.
	reportCtx    context.Context
	cancelReport context.CancelCauseFunc
	workCtx      context.Context
	cancelWork   context.CancelCauseFunc

	holdsSlot  bool        // else the slot's next attempt may run, or the slot is another's to free
	resumed    atomic.Bool // an earlier process received it and did not start it
	known      atomic.Bool // to a later process on this data directory, too
	ended      atomic.Bool // its commands have ended; the report follows
	left       bool        // to a later process; set before its goroutine ends
	stopKeep   func() bool // until the attempt's files are durable
	acceptOnce sync.Once
	accepted   chan struct{} // closed when a heartbeat has confirmed the attempt
	lease      *lease
	grant      *grant
	spool      *spool.Reader // nil until there is something in the log
	logs       *uploader
	trace      *tracing.Attempt // nil: none
}

// newAttempt returns an attempt that this process or an earlier one began at began.
func newAttempt(runCtx context.Context, a *Agent, s *slot, asg *errand.Assignment, began time.Time) *attempt {
	t := &attempt{Assignment: asg, agent: a, slot: s, runCtx: runCtx, accepted: make(chan struct{})}
	t.trace = a.Traces.Attempt(asg, began)
	t.reportCtx, t.cancelReport = context.WithCancelCause(t.trace.Context(runCtx))
	t.workCtx, t.cancelWork = context.WithCancelCause(t.reportCtx)
	t.lease = &lease{clock: a.Clock, group: asg.Group != ""}
	t.grant = newGrant(a.Clock, asg.Write)
	t.logs = newUploader(t, asg.Watched)
	return t
}

// syncAfter is for how long the files of an attempt are durable against the end of a
// process only. Most jobs are over by then.
const syncAfter = time.Second

// later runs f after syncAfter, unless the attempt, within whose goroutine later is
// called, stops it.
func (t *attempt) later(f func()) (stop func() bool) {
	return t.agent.Clock.AfterFunc(syncAfter, func() { t.agent.running.Go(f) })
}

// sync makes the attempt's files durable against the end of the machine, too.
func (t *attempt) sync() {
	if err := t.dir.Sync(); err != nil {
		t.agent.Log.Warn("could not make the attempt's files durable", "job", t.JobID, "err", err)
	}
}

// keep has heartbeats name the attempt: once the server renews its lease, the next
// process must know of it.
func (t *attempt) keep() {
	t.sync()
	t.kept()
}

func (t *attempt) kept() {
	t.known.Store(true)
	t.agent.heartbeat.sendNow()
}

// hold returns what a heartbeat says about the attempt.
func (t *attempt) hold() errand.Hold {
	return errand.Hold{JobID: t.JobID, Attempt: t.Attempt, Ended: t.ended.Load(), NotBegun: t.waits(), RenewWrites: t.grant.needsRenewal(), Watched: t.logs.isWatched()}
}

// waits reports whether the attempt waits for the server to say that it may begin.
func (t *attempt) waits() bool {
	if !t.resumed.Load() {
		return false
	}
	select {
	case <-t.accepted:
		return false
	default:
		return true
	}
}

// leaseLength is that of the current lease: short until a heartbeat has confirmed the
// attempt.
func (t *attempt) leaseLength() time.Duration {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	if t.lease.length > 0 {
		return t.lease.length
	}
	return time.Duration(t.LeaseSeconds) * time.Second
}

// handleOrder carries out an order in the answer to a heartbeat that was sent at
// sent, in uptime.
func (t *attempt) handleOrder(o errand.Order, sent time.Duration) {
	if o.Order == errand.OrderAbandon {
		t.cancelReport(errAbandoned)
		return
	}
	if o.Write != nil {
		t.grant.renew(*o.Write)
	}
	t.lease.renew(sent, time.Duration(o.LeaseSeconds)*time.Second, o.Retryable)
	t.logs.watch(o.Watched)
	if o.Order == errand.OrderCancel {
		t.cancelWork(errCancelled)
	}
	t.acceptOnce.Do(func() { close(t.accepted) })
}

// run executes the job and reports the outcome.
func (t *attempt) run() {
	t.report(t.agent.Log.With("job", t.JobID, "attempt", t.Attempt), t.execute)
}

// report executes the attempt, reports its outcome and removes its directory.
func (t *attempt) report(log *slog.Logger, execute func() (*attemptdir.Outcome, error)) {
	defer t.cancelReport(nil)
	out, err := execute()
	if err == nil {
		t.ended.Store(true)
		t.known.Store(true)
	}
	if errors.Is(err, errCopied) {
		t.dir.KeepTemp()
	}
	if t.dir != "" && !errors.Is(err, errNotReported) { // else the commands may still run
		_ = t.dir.LeaveTemp(t.slot.number) // tried again with the directory: the result may wait for the server
	}
	switch {
	case errors.Is(err, errNotReported):
	case err != nil:
		log.Warn("dropped the job without a report", "err", err)
	default:
		logEnd(log, out)
		t.traceCommands(out)
		if out.Reason == errand.ReasonAgentError {
			t.agent.disk.suspect.Store(true)
		}
		err = t.deliver(out)
	}
	t.left = errors.Is(err, errNotReported)
	t.endTrace(out, err)
	t.cleanUp(log, err)
}

// logEnd logs an outcome. The exit code of an attempt that failed says nothing.
func logEnd(log *slog.Logger, out *attemptdir.Outcome) {
	if out.Reason == "" {
		log.Info("job ended", "exit", out.Result.ExitCode)
		return
	}
	log.Info("job ended", "reason", string(out.Reason), "err", out.Error)
}

// cleanUp ends the upload, closes the log and then, unless the outcome has yet to be reported,
// removes the directory: Windows removes no open file.
func (t *attempt) cleanUp(log *slog.Logger, err error) {
	if t.lines != nil {
		t.lines.close()
	}
	if t.spool != nil {
		t.logs.stop()
		t.spool.Close()
	}
	if errors.Is(err, errNotReported) {
		return
	}
	if err := t.dir.Remove(); err != nil {
		log.Warn("could not remove the attempt's directory", "err", err)
	}
	t.agent.measureWorkspace(t.usedWorkspace)
}

// execute runs the job and returns the outcome, which is on disk. An error means that
// there is nothing to report, and says why.
func (t *attempt) execute() (*attemptdir.Outcome, error) {
	if t.TimeoutSeconds > 0 { // it bounds all that follows, and the outage that may come
		t.began = t.agent.Clock.Now()
		stop := t.agent.Clock.AfterFunc(t.timeout(), func() { t.cancelWork(process.ErrTimeout) })
		defer stop()
	}
	err := t.prepare()
	var out *attemptdir.Outcome
	if err == nil {
		out, err = t.runCommands()
	}
	if t.stopKeep != nil {
		t.stopKeep()
	}
	if errors.Is(err, errNotReported) { // the commands may still run
		return nil, err
	}
	if cause := context.Cause(t.reportCtx); cause != nil && (out == nil || errors.Is(cause, errAbandoned)) {
		return nil, cause
	}
	if err == nil {
		return out, nil
	}
	out = &attemptdir.Outcome{Result: errand.Result{Commands: []errand.CommandResult{}}}
	out.Reason, out.Error = t.reason(err)
	out.Error = clip(out.Error, errand.MaxErrorBytes)
	if t.dir != "" {
		t.scanLog(out)
	}
	if err := t.dir.WriteOutcome(out); err != nil {
		t.agent.Log.Error("could not write the result to disk; reporting it anyway", "job", t.JobID, "err", err)
	}
	return out, nil
}

// prepare makes the directory and unpacks the source into it. The commands may begin when
// it returns.
func (t *attempt) prepare() error {
	if t.resumed.Load() {
		t.kept()
		if err := t.awaitAccepted(); err != nil {
			return err
		}
	}
	var err error
	if t.dir, err = attemptdir.Create(t.agent.DataDir, t.Assignment, t.slot.number); err != nil {
		return err
	}
	t.lines = t.linesBefore()
	defer t.lines.close()
	t.agent.Log.Info("took job", "job", t.JobID, "attempt", t.Attempt, "name", t.Name, "commands", len(t.Commands))
	t.stopKeep = t.later(t.keep)
	if t.Limits != nil && *t.Limits != (errand.Limits{}) && t.agent.cgroups == "" {
		return errNoLimits
	}
	if err = t.createDirs(); err != nil {
		return err
	}
	if err := t.placeWork(); err != nil {
		return err
	}
	if err := t.fillWork(); err != nil {
		return err
	}
	if err := t.traced("restore caches", len(t.Cache) > 0, t.restoreCaches); err != nil {
		return err
	}
	if t.lease.over() { // the server may think that this attempt has ended
		return errLease
	}
	return nil
}

// fillWork puts the files into the job's folder.
func (t *attempt) fillWork() (err error) {
	defer func() { err = errors.Join(err, t.closeWorkspace(err == nil)) }()
	if t.Source == nil {
		return nil
	}
	return t.unpack()
}

// placeWork gives the job's folder the path that it has for all jobs of this slot and of
// the job's owner, queue and project; or that of its workspace.
func (t *attempt) placeWork() error {
	defer func() { t.work = t.dir.Work() }()
	if t.Workspace != nil {
		return t.openWorkspace()
	}
	project := t.Name
	if t.Source != nil && t.Source.Filename != "" {
		project = t.Source.Filename
	}
	if err := t.dir.PlaceWork(attemptdir.WorkName(t.slot.number, t.Owner, t.Queue, project)); err != nil {
		t.agent.Log.Warn("the job's folder has a path of its own, which caches of compilers don't know", "job", t.JobID, "err", err)
	}
	return nil
}

func (t *attempt) awaitAccepted() error {
	select {
	case <-t.accepted:
		return nil
	case <-t.workCtx.Done():
		return context.Cause(t.workCtx)
	}
}

// reason returns what it means for the job that its commands could not begin.
func (t *attempt) reason(err error) (errand.Reason, string) {
	var setup *setupError
	switch {
	case errors.Is(err, errCancelled):
		return errand.ReasonCancelled, err.Error()
	case errors.Is(err, errLease):
		return errand.ReasonLost, err.Error()
	case errors.Is(err, errStopped):
		return errand.ReasonWorkerStopped, err.Error()
	case errors.Is(err, process.ErrTimeout):
		return errand.ReasonTimedOut, fmt.Sprintf("the job ran longer than its timeout of %v", t.timeout())
	case errors.As(err, &setup):
		return setup.reason, setup.Error()
	}
	return errand.ReasonAgentError, err.Error()
}

func (t *attempt) timeout() time.Duration { return time.Duration(t.TimeoutSeconds) * time.Second }

// clip cuts s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
