package sqswire

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// WriteError answers a request that no engine has seen, in its protocol.
func WriteError(w http.ResponseWriter, r *http.Request, err *awswire.Error) {
	id := awswire.RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	if r.Header.Get("X-Amz-Target") != "" {
		jsonProtocol{}.writeError(w, err)
		return
	}
	queryProtocol{id}.writeError(w, err)
}
