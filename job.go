package errand

import "strings"

// Status is the status of a job.
type Status string

// pending → running → completed | failed | cancelled.
const (
	Pending   Status = "pending"   // waits for a worker
	Running   Status = "running"   // a worker holds its lease
	Completed Status = "completed" // the commands ran to their end; ExitCode says how
	Failed    Status = "failed"    // it could not be run to its end; Reason says why
	Cancelled Status = "cancelled" // someone asked for its end
)

// Statuses are all statuses, in the order of a job's life.
var Statuses = []Status{Pending, Running, Completed, Failed, Cancelled}

// ListStatuses is the statuses as a message lists them: "pending, …, failed or
// cancelled".
func ListStatuses() string {
	var b strings.Builder
	for i, s := range Statuses {
		switch i {
		case 0:
		case len(Statuses) - 1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}

// Terminal reports whether a job with this status has ended.
func (s Status) Terminal() bool { return s == Completed || s == Failed || s == Cancelled }

// Reason is why a job failed or was cancelled. It is empty for a completed job.
type Reason string

// The reasons. The set is closed.
const (
	ReasonSourceUnavailable Reason = "source_unavailable" // the archive couldn't be fetched, or isn't what was uploaded
	ReasonSetupFailed       Reason = "setup_failed"       // unpacking or preparing the directory failed
	ReasonTimedOut          Reason = "timed_out"          // it ran longer than its timeout
	ReasonLost              Reason = "lost"               // its worker gave no sign of life until the lease ended
	ReasonNeverReported     Reason = "never_reported"     // its worker took it and was not heard of again: whether it ran is unknown
	ReasonExpired           Reason = "expired"            // no worker took it within 13 days
	ReasonQueueDeleted      Reason = "queue_deleted"      // its queue was deleted while it waited
	ReasonDependencyFailed  Reason = "dependency_failed"  // a job that it waited for did not end as it must
	ReasonExitCode          Reason = "exit_code"          // of an attempt: its exit code is one for which the job runs again
	ReasonCancelled         Reason = "cancelled"          // cancelled by its owner, or an admin
	ReasonWorkerStopped     Reason = "worker_stopped"     // its worker was told to stop and killed it
	ReasonStartFailed       Reason = "start_failed"       // a command could not be started: no such program, no such shell
	ReasonAgentError        Reason = "agent_error"        // the worker's own failure: disk full, log not writable
	ReasonAgentRestarted    Reason = "agent_restarted"    // the agent and what ran the commands for it ended, and the agent was started again
	ReasonMachineRestarted  Reason = "machine_restarted"  // the worker's machine was restarted
	ReasonOutOfMemory       Reason = "out_of_memory"      // it used more memory than its limit
)

// A Job is a job's spec, state and result.
type Job struct {
	Spec   Spec
	State  StateRecord
	Result *Result // of the attempt that ended it; nil before, and in lists
}
