package awsconf

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A CallError is a call of a service that failed. Its text is what the service answered,
// or why it did not, without the SDK's account of the request.
type CallError struct {
	What string // was to be done: "find the table errand-JobsTable"
	Err  error  // the SDK's
}

// Failed returns a *CallError, or nil if err is nil.
func Failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return &CallError{what, err}
}

func (e *CallError) Error() string { return e.What + ": " + Reason(e.Err) }

func (e *CallError) Unwrap() error { return e.Err }

// Reason is what the service answered, or why it did not.
func Reason(err error) string {
	var inner *CallError
	var answer smithy.APIError
	var send *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &inner):
		return inner.Error()
	case errors.As(err, &answer) && answer.ErrorMessage() == "":
		return answer.ErrorCode()
	case errors.As(err, &answer):
		return answer.ErrorCode() + ": " + answer.ErrorMessage()
	case errors.As(err, &send):
		return "no answer: " + send.Err.Error()
	}
	return err.Error()
}

// Hint is what the operator of services can do about a call that failed, or empty.
func Hint(err error) string {
	var answer *smithyhttp.ResponseError
	var send *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &send):
		return "AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_S3 say where the services are; are they running?"
	case strings.Contains(err.Error(), "get credentials"): // the SDK has no type for it
		return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
	case isRefused(err), errors.As(err, &answer) && (answer.HTTPStatusCode() == http.StatusForbidden || answer.HTTPStatusCode() == http.StatusUnauthorized):
		return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and what they permit"
	}
	return ""
}

// isRefused reports whether DynamoDB or SQS, whose status is 400, refused the caller.
func isRefused(err error) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	switch e.ErrorCode() {
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch",
		"InvalidAccessKeyId", "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationToken":
		return true
	}
	return false
}

// IsMissing reports whether a service answered that it has no such table, queue or bucket.
func IsMissing(err error) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	switch e.ErrorCode() {
	case "ResourceNotFoundException", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NotFound", "NoSuchBucket":
		return true
	}
	return false
}
