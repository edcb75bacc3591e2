package dynamodbwire

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// WriteError answers a request that no engine has seen.
func WriteError(w http.ResponseWriter, r *http.Request, err *awswire.Error) {
	w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
	writeResponse(w, r, err.Status, "application/x-amz-json-1.0", errorBody(err))
}

var (
	internalServerError = awswire.Errorf(http.StatusInternalServerError, "InternalServerError", "The request processing has failed because of an unknown error, exception or failure.")
	errClosing          = awswire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is shutting down.")
)

func serialization(message string) *awswire.Error {
	return &awswire.Error{Status: http.StatusBadRequest, Code: "SerializationException", Message: message}
}

// upperMessage are the errors whose text stands in "Message", not "message".
var upperMessage = map[string]bool{
	"SerializationException": true, "AccessDeniedException": true, "TransactionCanceledException": true,
}

func errorBody(e *awswire.Error) []byte {
	messageName := "message"
	if upperMessage[e.Code] {
		messageName = "Message"
	}
	return awswire.JSONError("com.amazonaws.dynamodb.v20120810#", messageName, e)
}
