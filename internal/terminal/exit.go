package terminal

import (
	"fmt"
)

// Exit codes; docs/cli.md explains them to users.
const (
	ExitFailure   = 1
	ExitUsage     = 2
	ExitTimedOut  = 124 // errand run: the job exceeded its timeout
	ExitNotRun    = 125 // errand run: the job could not be run to its end, or errand itself failed
	ExitCancelled = 130 // errand run: the job was cancelled; every command: interrupted
)

// ExitError carries an exit code. With a nil Err, nothing is printed.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// UsageErrorf returns an error for wrong flags or arguments.
func UsageErrorf(format string, args ...any) error {
	return &ExitError{ExitUsage, fmt.Errorf(format, args...)}
}
