// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html

package sqs

import (
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// The error codes of operations: the names of their shapes in the service model.
// QueryCode returns their names in the query protocol.
const (
	codeBatchIDsNotDistinct  = "BatchEntryIdsNotDistinct"
	codeBatchTooLong         = "BatchRequestTooLong"
	codeEmptyBatch           = "EmptyBatchRequest"
	codeInternal             = "InternalError"
	codeInvalidAddress       = "InvalidAddress"
	codeInvalidAttributeName = "InvalidAttributeName"
	codeInvalidAttribute     = "InvalidAttributeValue"
	codeInvalidBatchID       = "InvalidBatchEntryId"
	codeInvalidContents      = "InvalidMessageContents"
	codeInvalidParameter     = "InvalidParameterValueException"
	codeMissingParameter     = "MissingRequiredParameterException"
	codeOverLimit            = "OverLimit"
	codePurgeInProgress      = "PurgeQueueInProgress"
	codeDeletedRecently      = "QueueDeletedRecently"
	codeNoSource             = "CouldNotDetermineMessageSource"
	codeNoQueue              = "QueueDoesNotExist"
	codeQueueExists          = "QueueNameExists"
	codeHandleInvalid        = "ReceiptHandleIsInvalid"
	codeNotFound             = "ResourceNotFoundException"
	codeTooManyEntries       = "TooManyEntriesInBatchRequest"
	codeUnavailable          = "ServiceUnavailable"
	codeUnsupported          = "UnsupportedOperation"
)

// queryCodes are the codes that have another name in the query protocol.
var queryCodes = map[string]string{
	codeBatchIDsNotDistinct: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	codeBatchTooLong:        "AWS.SimpleQueueService.BatchRequestTooLong",
	codeEmptyBatch:          "AWS.SimpleQueueService.EmptyBatchRequest",
	codeInvalidBatchID:      "AWS.SimpleQueueService.InvalidBatchEntryId",
	codeInvalidParameter:    "InvalidParameterValue",
	codeMissingParameter:    "MissingParameter",
	codePurgeInProgress:     "AWS.SimpleQueueService.PurgeQueueInProgress",
	codeDeletedRecently:     "AWS.SimpleQueueService.QueueDeletedRecently",
	codeNoQueue:             "AWS.SimpleQueueService.NonExistentQueue",
	codeQueueExists:         "QueueAlreadyExists",
	codeTooManyEntries:      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	codeUnsupported:         "AWS.SimpleQueueService.UnsupportedOperation",
}

// QueryCode returns the name of an error code in the query protocol, where
// QueueDoesNotExist is AWS.SimpleQueueService.NonExistentQueue. Both protocols
// use that name in the failed entries of a batch, and the JSON protocol in the
// X-Amzn-Query-Error header.
func QueryCode(code string) string {
	if q, ok := queryCodes[code]; ok {
		return q
	}
	return code
}

func errorf(code, format string, args ...any) *awswire.Error {
	return awswire.Errorf(400, code, format, args...)
}

func errNoQueue() *awswire.Error {
	return errorf(codeNoQueue, "The specified queue does not exist.")
}

func errMissing(parameter string) *awswire.Error {
	return errorf(codeMissingParameter, "The request must contain the parameter %s.", parameter)
}

func errValue(value any, parameter, reason string) *awswire.Error {
	return errorf(codeInvalidParameter, "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func errHandle(handle string) *awswire.Error {
	return errorf(codeHandleInvalid, `The input receipt handle "%s" is not a valid receipt handle.`, handle)
}

func errHandleExpired(handle string) *awswire.Error {
	return errValue(handle, "ReceiptHandle", "The receipt handle has expired.")
}

func errNotInFlight(handle string) *awswire.Error {
	return errValue(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
}

func isCode(err error, code string) bool {
	var answer *awswire.Error
	return errors.As(err, &answer) && answer.Code == code
}
