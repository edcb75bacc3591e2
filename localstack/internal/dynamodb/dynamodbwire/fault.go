package dynamodbwire

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// WriteError answers a request that no engine has seen.
func WriteError(w http.ResponseWriter, err *awswire.Error) {
	w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
	status, body := render(err)
	answer(w, status, "application/x-amz-json-1.0", body)
}
