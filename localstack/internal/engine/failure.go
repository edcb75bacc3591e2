package engine

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// Answer returns what the caller of an operation is told of err: its
// *awswire.Error, or internal for an error that has none. An answer with status
// 500 or above leaves one line in the log, with its cause; callers never see it.
func (f *Frame) Answer(operation string, err error, internal *awswire.Error) *awswire.Error {
	var answer *awswire.Error
	if !errors.As(err, &answer) {
		answer = internal
	}
	if answer.Status >= 500 {
		f.Logf("%s: %d %s: %v", operation, answer.Status, answer.Code, cause(answer, err))
	}
	return answer
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
