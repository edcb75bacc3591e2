package sqswire

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// WriteError fails a request, in its protocol, before it gets to an engine.
func WriteError(w http.ResponseWriter, r *http.Request, err *awswire.Error) {
	id := awswire.RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	if r.Header.Get("X-Amz-Target") != "" {
		jsonProtocol{}.writeError(w, err)
		return
	}
	queryProtocol{id}.writeError(w, err)
}
