package s3wire

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// WriteError answers a request that no engine has seen.
func WriteError(w http.ResponseWriter, r *http.Request, err *awswire.Error) {
	w.Header().Set("x-amz-request-id", awswire.RequestID())
	writeError(w, r, err)
}
