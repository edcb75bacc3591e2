package localstack

import (
	"encoding/xml"
	"io"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// xmlError is an error document as S3 has it. SQS's query protocol has it inside
// an ErrorResponse; SDKs read either.
type xmlError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

func writeXMLError(w http.ResponseWriter, e *awswire.Error) {
	body, err := xml.Marshal(xmlError{Code: e.Code, Message: e.Message, RequestID: w.Header().Get("X-Amzn-Requestid")})
	if err != nil { // strings: can't be
		body = nil
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, xml.Header)
	_, _ = w.Write(body)
}
