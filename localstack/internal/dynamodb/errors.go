package dynamodb

import (
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// statusBadRequest is HTTP 400, the only status that the engine uses.
const statusBadRequest = 400

const paramsInvalid = "One or more parameter values were invalid: "

// invalid returns a ValidationException.
func invalid(format string, args ...any) *awswire.Error {
	if len(args) == 0 {
		return &awswire.Error{Status: statusBadRequest, Code: "ValidationException", Message: format}
	}
	return awswire.Errorf(statusBadRequest, "ValidationException", format, args...)
}

// badRequest returns any other error that the caller causes.
func badRequest(code, format string, args ...any) *awswire.Error {
	return awswire.Errorf(statusBadRequest, code, format, args...)
}

// asInvalid converts an error of an expression to a ValidationException. It returns
// other errors, and nil, unchanged.
func asInvalid(err error) error {
	var f *expr.Error
	if errors.As(err, &f) {
		return invalid("%s", f.Message)
	}
	return err
}

func noSuchTable() *awswire.Error {
	return badRequest("ResourceNotFoundException", "Requested resource not found")
}

func noSuchTableNamed(name string) *awswire.Error {
	return badRequest("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

// conditionFailed returns ConditionalCheckFailedException, with the stored item if
// the caller asked for it.
func conditionFailed(item Item) *awswire.Error {
	e := badRequest("ConditionalCheckFailedException", "The conditional request failed")
	if item != nil {
		e.Fields = map[string]any{"Item": item}
	}
	return e
}

// message returns an error's text without its code.
func message(err error) string {
	var e *awswire.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
