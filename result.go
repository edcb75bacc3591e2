package errand

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Limits of a result. The whole output is in the log.
const (
	OutputHeadBytes = 4 << 10   // kept of the beginning of each stream
	OutputTailBytes = 4 << 10   // kept of its end
	LogTailBytes    = 32 << 10  // of the log may ride in the result
	MaxResultBytes  = 256 << 10 // of a result as JSON

	// MaxStateResultBytes is the size as JSON of a result that is stored in the state
	// of its job: one write, and one read of at most 4 KB, the unit of DynamoDB.
	MaxStateResultBytes = 2 << 10
)

// Result is the report of an attempt whose commands ran.
type Result struct {
	ExitCode int             `json:"exitCode"` // of the first command that failed; 0 if none did
	Commands []CommandResult `json:"commands"` // those that were started, in order
	Log      Log             `json:"log"`
	// DurationMs is the time from the start of the first command to the end of the
	// last.
	DurationMs int64 `json:"durationMs"`
	// Signal is the signal that ended the command of ExitCode, for example "killed".
	Signal    string      `json:"signal,omitempty"`
	Artifacts *Artifacts  `json:"artifacts,omitempty"` // nil: the job has none, or they weren't collected
	Tests     *TestReport `json:"tests,omitempty"`     // nil: no artifact is a report of tests
}

// CommandResult is the result of one command.
type CommandResult struct {
	ExitCode   int    `json:"exitCode"`         // 128+n if signal n ended it; -1 if it never started
	Signal     string `json:"signal,omitempty"` // "killed", "terminated"; empty if it exited
	DurationMs int64  `json:"durationMs"`
	Stdout     Output `json:"stdout"`
	Stderr     Output `json:"stderr"`
}

// Output is the output of one command on one stream: all of it if it fits into Head,
// else its beginning and end.
type Output struct {
	Bytes  int64  `json:"bytes"`          // in all
	SHA256 string `json:"sha256"`         // of all of it, lower-case hex
	Head   Bytes  `json:"head"`           // the first OutputHeadBytes
	Tail   Bytes  `json:"tail,omitempty"` // the last OutputTailBytes of the rest; nil if Head holds all
}

// Truncated reports whether something between head and tail is left out.
func (o Output) Truncated() bool { return o.Bytes > int64(len(o.Head)+len(o.Tail)) }

// Log describes the log of an attempt and has its end.
type Log struct {
	Bytes  int64  `json:"bytes"`  // payload of all frames
	SHA256 string `json:"sha256"` // of the payload of all frames in order
	// Tail holds the frames (see Frame) that were not uploaded as a chunk:
	// those from byte TailOffset on. ≤ LogTailBytes of payload.
	Tail       []byte `json:"tail,omitempty"`
	TailOffset int64  `json:"tailOffset"`
}

// Validate checks what a worker reports.
// Errors: CodeInvalidField, CodePayloadTooLarge.
func (r *Result) Validate() error {
	const field = "result"
	b, err := json.Marshal(r)
	if err != nil {
		return &Error{Code: CodeInvalidField, Field: field, Message: "the result can't be written as JSON", Cause: err}
	}
	if len(b) > MaxResultBytes {
		return &Error{Code: CodePayloadTooLarge, Field: field, Message: fmt.Sprintf("the result is %d bytes long as JSON; the limit is %d: outputs keep %d bytes of head and tail, the rest is in the log", len(b), MaxResultBytes, OutputHeadBytes)}
	}
	if r.Log.SHA256 != "" && !hashRE.MatchString(r.Log.SHA256) {
		return InvalidField(field+".log.sha256", "sha256 must be 64 lower-case hexadecimal digits")
	}
	if len(r.Commands) > MaxCommands {
		return InvalidField(field+".commands", "commands has %d entries; the limit is %d", len(r.Commands), MaxCommands)
	}
	if r.Artifacts != nil {
		if err := r.Artifacts.validate(field + ".artifacts"); err != nil {
			return err
		}
	}
	if r.Tests != nil {
		if err := r.Tests.validate(field + ".tests"); err != nil {
			return err
		}
	}
	return r.Log.validate(field + ".log")
}

// jsonSize returns the size of a valid result as JSON.
func (r *Result) jsonSize() int {
	b, _ := json.Marshal(r) // Validate has shown that it works
	return len(b)
}

// validate checks that the tail's frames end where the log does.
func (l *Log) validate(field string) error {
	frames, err := ParseFrames(l.Tail)
	if err != nil {
		return &Error{Code: CodeInvalidField, Field: field + ".tail", Message: "the tail must be whole log frames", Cause: err}
	}
	end := l.TailOffset
	for _, f := range frames {
		if f.Offset != end {
			return InvalidField(field+".tail", "a frame begins at byte %d; the one before ends at %d", f.Offset, end)
		}
		end = f.End()
	}
	if end != l.Bytes || l.TailOffset < 0 || end-l.TailOffset > LogTailBytes {
		return InvalidField(field+".tail", "tailOffset and tail must end at the log's %d bytes, and hold at most %d", l.Bytes, LogTailBytes)
	}
	return nil
}

// Bytes is program output: text in JSON where it is UTF-8, else {"base64": …}.
type Bytes []byte

// MarshalJSON writes a string, or an object where b isn't UTF-8.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal(base64Form{base64.StdEncoding.EncodeToString(b)})
}

type base64Form struct {
	Base64 string `json:"base64"`
}

// UnmarshalJSON reads either form.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var o base64Form
		if err := json.Unmarshal(data, &o); err != nil {
			return err
		}
		raw, err := base64.StdEncoding.DecodeString(o.Base64)
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		*b = raw
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*b = Bytes(s)
	return nil
}

// Failure is the report of an attempt that could not be run to its end.
type Failure struct {
	Reason Reason  `json:"reason"`
	Error  string  `json:"error"`            // one sentence for the job's owner; ≤ 2 KB
	Result *Result `json:"result,omitempty"` // what there is: commands that had run, the log
}

// Validate checks what a worker reports.
// Errors: CodeInvalidField, CodePayloadTooLarge.
func (f *Failure) Validate() error {
	if !reportable[f.Reason] {
		return InvalidField("reason", "%q is not a reason that a worker may report", f.Reason)
	}
	if len(f.Error) > MaxErrorBytes {
		return InvalidField("error", "error is %d bytes long; the limit is %d", len(f.Error), MaxErrorBytes)
	}
	if f.Result != nil {
		return f.Result.Validate()
	}
	return nil
}

// reportable are the reasons that an agent may report.
var reportable = map[Reason]bool{
	ReasonSourceUnavailable: true, ReasonSetupFailed: true, ReasonTimedOut: true, ReasonCancelled: true,
	ReasonWorkerStopped: true, ReasonStartFailed: true, ReasonAgentError: true, ReasonLost: true,
	ReasonAgentRestarted: true, ReasonMachineRestarted: true, ReasonOutOfMemory: true,
}

// DirectResult is how commands ended that ran in direct mode.
type DirectResult struct {
	Status     Status          `json:"status"`   // completed or failed
	ExitCode   *int            `json:"exitCode"` // null unless completed
	Reason     Reason          `json:"reason,omitempty"`
	Error      string          `json:"error,omitempty"`
	DurationMs int64           `json:"durationMs"`
	Commands   []DirectCommand `json:"commands"`
}

// DirectReport is the response of the direct function.
type DirectReport struct {
	DirectResult
	Log Log `json:"log"`
}

// DirectCommand is one command's whole output, up to the limit.
type DirectCommand struct {
	ExitCode   int    `json:"exitCode"`
	DurationMs int64  `json:"durationMs"`
	Stdout     Bytes  `json:"stdout"`
	Stderr     Bytes  `json:"stderr"`
	Signal     string `json:"signal,omitempty"`
	// Truncated: the output limit was reached; the rest was dropped.
	Truncated bool `json:"truncated,omitempty"`
}
