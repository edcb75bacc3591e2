package sqs

import "github.com/errandhq/errand/localstack/internal/awswire"

// The error codes that operations give, as the service model names their
// shapes. What each is called in the query protocol, QueryCode says.
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

// queryCodes are the codes whose query-protocol name isn't the shape's own.
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

// QueryCode is the query protocol's name of an error code: QueueDoesNotExist
// is AWS.SimpleQueueService.NonExistentQueue there. It also stands in the
// x-amzn-query-error header and in the failed entries of a batch.
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

// errValue is AWS's way to refuse a parameter's value.
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
