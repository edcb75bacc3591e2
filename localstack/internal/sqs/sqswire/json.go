package sqswire

import (
	"encoding/json"
	"net/http"
	"strings"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

const jsonType = "application/x-amz-json-1.0"

type jsonProtocol struct{}

func (h *handler) serveJSON(w http.ResponseWriter, r *http.Request, target string) {
	action, ok := strings.CutPrefix(target, "AmazonSQS.")
	if !ok {
		jsonProtocol{}.writeError(w, awswire.Errorf(http.StatusNotFound, codeUnknownOperation, "The target %s is not one of SQS.", target))
		return
	}
	h.respond(w, r, jsonProtocol{}, action, func(into any) error {
		body, err := awswire.ReadBody(w, r, maxBody)
		if err != nil {
			return bodyError(err)
		}
		return decodeJSON(body, into)
	})
}

// lenient decodes as AWS does: names of members are case-sensitive (unlike in
// encoding/json), unknown members are ignored, and of two members with the same
// name the last counts.
var lenient = json2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decodeJSON decodes an input. An empty body is an empty object.
func decodeJSON(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json2.Unmarshal(body, into, lenient); err != nil {
		return awswire.Errorf(http.StatusBadRequest, codeSerialization, "The request is not valid JSON for this operation.")
	}
	return nil
}

func (jsonProtocol) writeOutput(w http.ResponseWriter, _ string, out any) {
	body, _ := json.Marshal(out) // never fails: outputs have only strings, numbers and bytes
	awswire.WriteBody(w, http.StatusOK, jsonType, body)
}

// writeError also sets a header with the error's code in the query protocol, which
// SDKs return for compatibility.
func (jsonProtocol) writeError(w http.ResponseWriter, err *awswire.Error) {
	const namespace = "com.amazonaws.sqs#"
	if strings.HasPrefix(awswire.ErrorType(namespace, err.Code), namespace) {
		w.Header().Set("X-Amzn-Query-Error", sqs.QueryCode(err.Code)+";"+fault(err))
	}
	awswire.WriteBody(w, err.Status, jsonType, awswire.JSONError(namespace, "message", err))
}

func fault(err *awswire.Error) string {
	if err.Status >= 500 {
		return "Receiver"
	}
	return "Sender"
}
