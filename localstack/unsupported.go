package localstack

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/lambda/lambdawire"
)

// refuse answers a request to a service that the stack doesn't have. The error names
// the service and the operation.
func (s *Stack) refuse(w http.ResponseWriter, r *http.Request, service string) {
	e := awswire.Errorf(http.StatusNotImplemented, "UnsupportedOperationException", "service %s is not supported: %s", service, operationOf(w, r))
	s.fail(w, r, e)
}

// operationOf returns the operation of a request in any of AWS's protocols. In the REST
// protocols it is the method and the path.
func operationOf(w http.ResponseWriter, r *http.Request) string {
	_, rpc, isRPC := strings.Cut(r.URL.Path, "/operation/")
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		return targetOperation(r)
	case isRPC:
		return cleanOperation(rpc)
	case awswire.IsQuery(r):
		return cleanOperation(awswire.QueryAction(w, r))
	}
	return r.Method + " " + r.URL.Path
}

// restXML are the services of AWS whose protocol is REST XML, S3 apart.
var restXML = map[string]bool{"cloudfront": true, "route53": true, "s3express": true}

// writeError writes an error of a service that has no wire code here, in the protocol of
// the request.
func writeError(w http.ResponseWriter, r *http.Request, service string, e *awswire.Error) {
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		awswire.WriteCBORError(w, e)
	case r.Header.Get("X-Amz-Target") != "":
		w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
		awswire.WriteBody(w, e.Status, "application/x-amz-json-1.1", awswire.JSONError("", "message", e))
	case service == "ec2":
		awswire.WriteEC2Error(w, e)
	case awswire.IsQuery(r), restXML[service]:
		awswire.WriteQueryError(w, "", e)
	default:
		w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
		lambdawire.WriteError(w, e)
	}
}
