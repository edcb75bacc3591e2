// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html

package awswire

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
)

// maxQuery is the limit of a request in the query protocol that no engine reads, in
// bytes.
const maxQuery = 1 << 20

// IsQuery reports whether a request without X-Amz-Target is in the query protocol.
func IsQuery(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || r.URL.Query().Has("Action")
}

// QueryAction returns the operation that a request in the query protocol names in its
// URL or its body; "" if there is none.
func QueryAction(w http.ResponseWriter, r *http.Request) string {
	if action := r.URL.Query().Get("Action"); action != "" {
		return action
	}
	if r.Body == nil {
		return ""
	}
	body, err := ReadBody(w, r, maxQuery)
	if err != nil {
		return ""
	}
	form, _ := url.ParseQuery(string(body)) // of one with errors, what is valid
	return form.Get("Action")
}

// WriteQueryError writes an error in the query protocol, or in REST XML, which has the
// same document.
func WriteQueryError(w http.ResponseWriter, namespace string, e *Error) {
	id := RequestID()
	var b bytes.Buffer
	b.WriteString(xml.Header + "<ErrorResponse")
	if namespace != "" {
		b.WriteString(` xmlns="` + namespace + `"`)
	}
	b.WriteString("><Error>")
	WriteElement(&b, "Type", sender(e))
	WriteElement(&b, "Code", e.Code)
	WriteElement(&b, "Message", e.Message)
	b.WriteString("</Error>")
	WriteElement(&b, "RequestId", id)
	b.WriteString("</ErrorResponse>")
	writeXML(w, e, id, b.Bytes())
}

// WriteEC2Error writes an error in EC2's variant of the query protocol.
// https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
func WriteEC2Error(w http.ResponseWriter, e *Error) {
	id := RequestID()
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Response><Errors><Error>")
	WriteElement(&b, "Code", e.Code)
	WriteElement(&b, "Message", e.Message)
	b.WriteString("</Error></Errors>")
	WriteElement(&b, "RequestID", id)
	b.WriteString("</Response>")
	writeXML(w, e, id, b.Bytes())
}

func writeXML(w http.ResponseWriter, e *Error, requestID string, body []byte) {
	w.Header().Set("X-Amzn-Requestid", requestID)
	WriteBody(w, e.Status, "text/xml", body)
}

// sender is whose fault an error is.
func sender(e *Error) string {
	if e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
		return "Receiver"
	}
	return "Sender"
}

// WriteCBORError writes an error in the protocol RPC v2 CBOR.
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
func WriteCBORError(w http.ResponseWriter, e *Error) {
	w.Header().Set("X-Amzn-Requestid", RequestID())
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	body := []byte{0xa2} // a map of two
	for _, text := range []string{"__type", e.Code, "message", e.Message} {
		body = appendCBORText(body, text)
	}
	WriteBody(w, e.Status, "application/cbor", body)
}

// appendCBORText appends a text of up to 65,535 bytes.
func appendCBORText(b []byte, text string) []byte {
	text = text[:min(len(text), 1<<16-1)]
	b = append(b, 0x79, byte(len(text)>>8), byte(len(text))) // a text with its length in 2 bytes
	return append(b, text...)
}
