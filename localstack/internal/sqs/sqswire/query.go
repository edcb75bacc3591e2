package sqswire

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

const xmlns = "http://queue.amazonaws.com/doc/2012-11-05/"

// notAtQueueURL are the actions that a queue's own URL doesn't accept.
var notAtQueueURL = map[string]bool{"CreateQueue": true, "ListQueues": true}

type queryProtocol struct{ requestID string }

func (h *handler) serveQuery(w http.ResponseWriter, r *http.Request, id string) {
	var p protocol = queryProtocol{id}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		p = queryJSON{id}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		p.writeError(w, bodyError(err))
		return
	}
	action := r.Form.Get("Action")
	if action == "" {
		awswire.WriteBody(w, http.StatusNotFound, "text/xml", []byte("<UnknownOperationException/>\n"))
		return
	}
	atQueue := r.URL.Path != "/" && r.URL.Path != ""
	if _, ok := operations[action]; !ok || atQueue && notAtQueueURL[action] {
		p.writeError(w, awswire.Errorf(http.StatusBadRequest, "InvalidAction", "The action %s is not valid for this endpoint.", action))
		return
	}
	if atQueue && !r.Form.Has("QueueUrl") {
		r.Form.Set("QueueUrl", r.URL.Path) // old SDKs post to the queue's URL
	}
	h.respond(w, r, p, action, func(into any) error { return decodeForm(r.Form, into) })
}

func (p queryProtocol) writeOutput(w http.ResponseWriter, action string, out any) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<` + action + `Response xmlns="` + xmlns + `">`)
	encodeXML(&b, action+"Result", out)
	b.WriteString(`<ResponseMetadata><RequestId>` + p.requestID + `</RequestId></ResponseMetadata></` + action + `Response>`)
	awswire.WriteBody(w, http.StatusOK, "text/xml", b.Bytes())
}

func (p queryProtocol) writeError(w http.ResponseWriter, err *awswire.Error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<ErrorResponse xmlns="` + xmlns + `"><Error>`)
	awswire.WriteElement(&b, "Type", fault(err))
	awswire.WriteElement(&b, "Code", sqs.QueryCode(err.Code))
	awswire.WriteElement(&b, "Message", queryMessage(err))
	b.WriteString(`<Detail/></Error><RequestId>` + p.requestID + `</RequestId></ErrorResponse>`)
	awswire.WriteBody(w, err.Status, "text/xml", b.Bytes())
}

// queryMessage returns the text of an error in the query protocol, where AWS has
// another.
func queryMessage(err *awswire.Error) string {
	if err.Code == "QueueDoesNotExist" {
		return "The specified queue does not exist for this wsdl version."
	}
	return err.Message
}
