package errand

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Status is where a job stands.
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

// Terminal reports whether a job with this status is over.
func (s Status) Terminal() bool { return s == Completed || s == Failed || s == Cancelled }

// Reason says why a job failed or was cancelled. Empty for a completed one.
type Reason string

// The reasons. The set is closed.
const (
	ReasonSourceUnavailable Reason = "source_unavailable" // the archive couldn't be fetched, or isn't what was uploaded
	ReasonSetupFailed       Reason = "setup_failed"       // unpacking or preparing the directory failed
	ReasonTimedOut          Reason = "timed_out"          // it ran longer than its timeout
	ReasonLost              Reason = "lost"               // its worker gave no sign of life until the lease ended
	ReasonExpired           Reason = "expired"            // no worker took it within 13 days
	ReasonCancelled         Reason = "cancelled"          // cancelled by its owner, or an admin
	ReasonWorkerStopped     Reason = "worker_stopped"     // its worker was told to stop and killed it
	ReasonStartFailed       Reason = "start_failed"       // a command could not be started: no such program, no such shell
	ReasonAgentError        Reason = "agent_error"        // the worker's own failure: disk full, log not writable
)

// Reasons that an agent may report.
var reportable = map[Reason]bool{
	ReasonSourceUnavailable: true, ReasonSetupFailed: true, ReasonTimedOut: true, ReasonCancelled: true,
	ReasonWorkerStopped: true, ReasonStartFailed: true, ReasonAgentError: true, ReasonLost: true,
}

// A Command is one step of a job: a string for the shell, or a program and its
// arguments, run with no shell. In JSON a string, or {"argv": […]}.
type Command struct {
	Shell string   // the text given to the shell; empty if Argv is set
	Argv  []string // the program and its arguments; nil if Shell is set
}

// MarshalJSON writes the string or the object form.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Argv != nil {
		return json.Marshal(argvForm{c.Argv})
	}
	return json.Marshal(c.Shell)
}

type argvForm struct {
	Argv []string `json:"argv"`
}

// UnmarshalJSON reads the string or the object form, and nothing else.
func (c *Command) UnmarshalJSON(b []byte) error {
	*c = Command{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &c.Shell)
	}
	var o argvForm
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil || o.Argv == nil {
		return errors.New(`a command is a string, or {"argv": ["program", "argument"]}`)
	}
	c.Argv = o.Argv
	return nil
}

// String is the command as a person would read it: argv quoted where needed.
func (c Command) String() string {
	if c.Argv == nil {
		return c.Shell
	}
	words := make([]string, len(c.Argv))
	for i, a := range c.Argv {
		words[i] = quoteWord(a)
	}
	return strings.Join(words, " ")
}

// quoteWord quotes a for a POSIX shell, if it needs to be.
func quoteWord(a string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=+,@%", r)
	}
	if a != "" && strings.IndexFunc(a, func(r rune) bool { return !plain(r) }) < 0 {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
}

// Source is the archive that a job's commands run in: an upload of the same owner.
type Source struct {
	SHA256   string `json:"sha256"`             // lower-case hex, of the whole archive
	Filename string `json:"filename,omitempty"` // as the uploader named it; for people only
	Size     int64  `json:"size,omitempty"`     // bytes; the server's to say
}

// Spec is what the creator of a job said. It never changes.
type Spec struct {
	ID              string            `json:"id"` // ULID: its time is the job's creation
	Owner           string            `json:"owner"`
	Name            string            `json:"name,omitempty"`
	Commands        []Command         `json:"commands"`
	Source          *Source           `json:"source,omitempty"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"` // program that runs string commands; empty: /bin/sh, cmd.exe
	Queue           string            `json:"queue"`
	Group           string            `json:"group,omitempty"`
	MaxAttempts     int               `json:"maxAttempts"`
	TimeoutSeconds  int               `json:"timeout"` // for all commands together
	LeaseSeconds    int               `json:"lease"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	CreatedAt       time.Time         `json:"createdAt"`
}

// Lane is the SQS message group of the job: its group, or itself, so that a job
// with no group waits for nobody.
func (s *Spec) Lane() string {
	if s.Group != "" {
		return s.Group
	}
	return s.ID
}

// A Job is what is known of one: what was asked, where it stands, what came out.
type Job struct {
	Spec   Spec
	State  State
	Result *Result // of the attempt that ended it; nil before, and in lists
}
