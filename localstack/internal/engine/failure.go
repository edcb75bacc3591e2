package engine

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Answer returns what the caller of an operation is told of err: its
// *awswire.Error, or internal for an error that has none. An answer with status
// 500 or above leaves one line in the log, with its cause; callers never see it.
func (f *Frame) Answer(operation string, err error, internal *awswire.Error) *awswire.Error {
	var answer *awswire.Error
	switch {
	case errors.Is(err, kv.ErrFull):
		answer = DiskFull(err)
	case !errors.As(err, &answer):
		answer = internal
	}
	if answer.Status >= 500 {
		f.Logf("%s: %d %s: %v", operation, answer.Status, answer.Code, cause(answer, err))
	}
	return answer
}

// DiskFull is the error of an operation that was not done because the disk is full. No
// service of AWS has one. SDKs don't repeat a request that failed with status 507.
func DiskFull(cause error) *awswire.Error {
	e := awswire.Errorf(http.StatusInsufficientStorage, "InsufficientStorage", "The server's disk is full. Free some space on it and try again.")
	e.Cause = cause
	return e
}

func cause(answer *awswire.Error, err error) error {
	if answer.Cause != nil {
		return answer.Cause
	}
	return err
}

// Recover, when deferred, makes a panic of an operation its error, with the stack.
// It passes on http.ErrAbortHandler, which ends a connection on purpose.
func Recover(err *error) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}
