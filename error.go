package errand

import (
	"errors"
	"fmt"
	"net/http"
)

// Code names one kind of failure. The set is closed: clients switch on it.
type Code string

// The codes, each with its HTTP status in codeStatus.
const (
	CodeMalformed           Code = "malformed"            // the body isn't the JSON that it should be
	CodeInvalidField        Code = "invalid_field"        // Field is missing, out of its limits, or unknown
	CodeUnauthenticated     Code = "unauthenticated"      // no token, or one that isn't known
	CodeForbidden           Code = "forbidden"            // the token's role or queues don't allow it
	CodeOriginDenied        Code = "origin_denied"        // Host or Origin isn't this server's
	CodeNotFound            Code = "not_found"            // no such route
	CodeJobNotFound         Code = "job_not_found"        // no such job, or another owner's
	CodeWorkerNotFound      Code = "worker_not_found"     // no such worker, or another owner's
	CodeQueueNotFound       Code = "queue_not_found"      // no such queue
	CodeScheduleNotFound    Code = "schedule_not_found"   // no such schedule, or another owner's
	CodeScheduleExists      Code = "schedule_exists"      // the owner has another schedule with this name
	CodeTokenNotFound       Code = "token_not_found"      // no such token, or another owner's
	CodeGroupRequirements   Code = "group_requirements"   // jobs of its group that wait have other requirements
	CodeQueueInUse          Code = "queue_in_use"         // the queue holds jobs, or belongs to the deployment
	CodeMethodNotAllowed    Code = "method_not_allowed"   // see the Allow header
	CodeStaleAttempt        Code = "stale_attempt"        // the job has gone to another attempt
	CodeSuperseded          Code = "superseded"           // a newer process runs under this worker ID
	CodeJobFinished         Code = "job_finished"         // a finished job can't be cancelled
	CodeConflict            Code = "conflict"             // changed by someone else at the same time: try again
	CodePayloadTooLarge     Code = "payload_too_large"    // body or result over its limit
	CodeUnsupportedMedia    Code = "unsupported_media"    // Content-Type isn't application/json
	CodeIdempotencyMismatch Code = "idempotency_mismatch" // the key was used with another body
	CodeSourceNotFound      Code = "source_not_found"     // no upload of this owner has that SHA-256
	CodeUploadGone          Code = "upload_gone"          // a multipart upload has expired, or lacks a part: begin again
	CodeRateLimited         Code = "rate_limited"         // see the Retry-After header
	CodeInternal            Code = "internal"             // ours; the request ID finds it in the log
	CodeDirectDisabled      Code = "direct_disabled"      // direct mode is off on this server
	CodeUnavailable         Code = "unavailable"          // a service we need isn't there: try again
	CodeDirectTimeout       Code = "direct_timed_out"     // direct mode's time is over
)

// codeStatus is the one table of codes and their HTTP statuses.
var codeStatus = map[Code]int{
	CodeMalformed:           http.StatusBadRequest,
	CodeInvalidField:        http.StatusBadRequest,
	CodeUnauthenticated:     http.StatusUnauthorized,
	CodeForbidden:           http.StatusForbidden,
	CodeOriginDenied:        http.StatusForbidden,
	CodeNotFound:            http.StatusNotFound,
	CodeJobNotFound:         http.StatusNotFound,
	CodeWorkerNotFound:      http.StatusNotFound,
	CodeQueueNotFound:       http.StatusNotFound,
	CodeScheduleNotFound:    http.StatusNotFound,
	CodeScheduleExists:      http.StatusConflict,
	CodeTokenNotFound:       http.StatusNotFound,
	CodeGroupRequirements:   http.StatusUnprocessableEntity,
	CodeQueueInUse:          http.StatusConflict,
	CodeMethodNotAllowed:    http.StatusMethodNotAllowed,
	CodeStaleAttempt:        http.StatusConflict,
	CodeSuperseded:          http.StatusConflict,
	CodeJobFinished:         http.StatusConflict,
	CodeConflict:            http.StatusConflict,
	CodePayloadTooLarge:     http.StatusRequestEntityTooLarge,
	CodeUnsupportedMedia:    http.StatusUnsupportedMediaType,
	CodeIdempotencyMismatch: http.StatusUnprocessableEntity,
	CodeSourceNotFound:      http.StatusUnprocessableEntity,
	CodeUploadGone:          http.StatusConflict,
	CodeRateLimited:         http.StatusTooManyRequests,
	CodeInternal:            http.StatusInternalServerError,
	CodeDirectDisabled:      http.StatusNotImplemented,
	CodeUnavailable:         http.StatusServiceUnavailable,
	CodeDirectTimeout:       http.StatusGatewayTimeout,
}

// Status is the HTTP status that answers c; 500 for one not in the table.
func (c Code) Status() int {
	if s, ok := codeStatus[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Codes are all codes, in no order: for the documentation and its tests.
func Codes() []Code {
	all := make([]Code, 0, len(codeStatus))
	for c := range codeStatus {
		all = append(all, c)
	}
	return all
}

// Error is a failure whose text is sent to the caller.
type Error struct {
	Code    Code
	Field   string // the request's member at fault, as a path: commands[2].argv
	Message string // one sentence: what is wrong, the limit, what to do
	Cause   error  // logged, never sent
}

func (e *Error) Error() string {
	msg := string(e.Code) + ": " + e.Message
	if e.Cause != nil {
		msg += ": " + e.Cause.Error()
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error without field or cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidField returns the error for a request's member that breaks its rule.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidField, Field: field, Message: fmt.Sprintf(format, args...)}
}

// CodeOf is the code of the Error in err's chain; CodeInternal if there is none,
// and empty for no error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
