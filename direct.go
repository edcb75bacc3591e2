package errand

// Limits of direct mode: the answer must fit through a Lambda and the wait
// through API Gateway's 30 seconds.
const (
	MaxDirectSeconds     = 25
	MaxDirectOutputBytes = 1 << 20 // stdout and stderr of all commands together
)

// DirectRequest is the event that the direct function is invoked with.
type DirectRequest struct {
	Commands        []Command         `json:"commands"`
	Env             map[string]string `json:"env,omitempty"`
	Shell           string            `json:"shell,omitempty"`
	TimeoutSeconds  int               `json:"timeout"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Source          *SourceGrant      `json:"source,omitempty"`
}

// DirectResult is what the direct function answers.
type DirectResult struct {
	Status     Status          `json:"status"`   // completed or failed
	ExitCode   *int            `json:"exitCode"` // null unless completed
	Reason     Reason          `json:"reason,omitempty"`
	Error      string          `json:"error,omitempty"`
	DurationMs int64           `json:"durationMs"`
	Commands   []DirectCommand `json:"commands"`
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
