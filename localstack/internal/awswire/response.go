package awswire

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSONError returns the body of an error in the AWS JSON protocols: its type, its
// message in the member messageName, and its fields.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
func JSONError(service, messageName string, e *Error) []byte {
	members := map[string]any{"__type": ErrorType(service, e.Code)}
	maps.Copy(members, e.Fields)
	if e.Message != "" {
		members[messageName] = e.Message
	}
	body, err := json.Marshal(members, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("an error's members can't be encoded: " + err.Error())
	}
	return body
}

// ErrorType returns the type of an error in the AWS JSON protocols: its code in
// the namespace of the service ("com.amazonaws.sqs#"), or of the framework that
// all services share.
func ErrorType(service, code string) string {
	if namespace, ok := commonErrors[code]; ok {
		return namespace + code
	}
	return service + code
}

// commonErrors are the namespaces of errors that don't belong to one service.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
var commonErrors = map[string]string{
	"ValidationException":       "com.amazon.coral.validate#",
	"SerializationException":    "com.amazon.coral.service#",
	"UnknownOperationException": "com.amazon.coral.service#",
	"AccessDeniedException":     "com.amazon.coral.service#",

	"MissingAuthenticationTokenException": "com.amazon.coral.service#",
	"IncompleteSignatureException":        "com.amazon.coral.service#",
	"InvalidSignatureException":           "com.amazon.coral.service#",
	"UnrecognizedClientException":         "com.amazon.coral.service#",
}

// WriteBody writes a response; without a Content-Type if contentType is empty.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have gone
}

// WriteElement writes <name>text</name>. It escapes carriage returns, too, which
// an XML parser would turn into line feeds.
func WriteElement(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // a bytes.Buffer never fails
	b.WriteString("</" + name + ">")
}
