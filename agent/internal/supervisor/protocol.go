package supervisor

import (
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/cgroup"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/agent/internal/spool"
)

// A Status is all that an agent needs to know of a supervisor.
type Status struct {
	// Attempt is the path of the attempt's directory that runs or ran last; empty if
	// there was none.
	Attempt string `json:"attempt,omitempty"`
	// Log is how far the attempt's log goes.
	Log spool.Pos `json:"log"`
	// Asks counts how often, during the attempt, the supervisor found that the lease had ended while the
	// machine was suspended. Each time it waits a little for a new Lease.
	Asks int `json:"asks,omitempty"`
	// Outcome is set when the attempt has ended. It is on disk, or Unsaved says why it
	// isn't.
	Outcome *attemptdir.Outcome `json:"outcome,omitempty"`
	Unsaved string              `json:"unsaved,omitempty"`
	// Left says why the attempt's control group could not be removed.
	Left string `json:"left,omitempty"`
}

func (s Status) running() bool { return s.Attempt != "" && s.Outcome == nil }

// A Request tells a supervisor one thing.
type Request struct {
	Run   *Run   `json:"run,omitempty"`   // only if it is idle
	Lease *Lease `json:"lease,omitempty"` // of the running attempt
	End   *End   `json:"end,omitempty"`   // the running attempt
}

// Run is what a supervisor must know beside the attempt's job.json.
type Run struct {
	Attempt string        `json:"attempt"` // path of its directory
	Env     []string      `json:"env"`     // all of it, as NAME=value
	Grace   time.Duration `json:"grace"`
	// PipeWait is how long processes that outlive the last command may keep writing.
	PipeWait time.Duration `json:"pipeWait"`
	Timeout  time.Duration `json:"timeout"` // what is left of the job's; 0: none
	// Console is process.Sequence.Console; empty: no terminals on Windows.
	Console []string `json:"console,omitempty"`
	Lease   Lease    `json:"lease"`
	// Cgroups is where the attempt gets a control group, of the name Cgroup and with
	// Limits; empty: none.
	Cgroups cgroup.Tree   `json:"cgroups,omitempty"`
	Cgroup  string        `json:"cgroup,omitempty"`
	Limits  errand.Limits `json:"limits"`
	// Save are the caches to be packed if the commands succeed.
	Save []SaveCache   `json:"save,omitempty"`
	Dirs jobcache.Dirs `json:"dirs"` // of their paths
	// TraceParents are the values of TRACEPARENT for the commands; Env has the first, or
	// another that the job sets. Empty: there is no trace.
	TraceParents []string `json:"traceParents,omitempty"`
}

// SaveCache is a cache of the job that is to be packed.
type SaveCache struct {
	Cache int    `json:"cache"` // its number
	Key   string `json:"key"`
}

// A Lease is how long an attempt may run on.
type Lease struct {
	Ends bool          `json:"ends"` // false: as long as it likes
	Left time.Duration `json:"left"` // from now on
}

// End ends an attempt. The first End counts.
type End struct {
	Reason errand.Reason `json:"reason"` // of the outcome
	Error  string        `json:"error"`  // of the outcome, and the log's last line
	Kill   bool          `json:"kill"`   // without the grace
}
