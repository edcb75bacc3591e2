package s3wire

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

const xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"

// maxXML limits a request's XML. A list of 10,000 parts is smaller.
const maxXML = 4 << 20

// xmlTime formats a time as S3 does, without fractions of a second.
func xmlTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") + ".000Z" }

func (c *request) writeXML(status int, v any) error {
	data, err := xml.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	awswire.WriteBody(c.w, status, "application/xml", append([]byte(xml.Header), data...))
	return nil
}

// readXML decodes the request's body, after checking its digests.
func (c *request) readXML(v any) error {
	p, err := c.payload()
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(p.body, maxXML+1))
	if err != nil {
		return err
	}
	if len(body) > maxXML {
		return awswire.Errorf(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too large.")
	}
	if err := p.expected.Check(body); err != nil {
		return err
	}
	if err := xml.Unmarshal(body, v); err != nil {
		return malformedXML()
	}
	return nil
}

// xmlText is text that may have characters that XML 1.0 doesn't allow. Like S3, it
// writes them as character references, where encoding/xml writes U+FFFD.
type xmlText string

// MarshalXML implements xml.Marshaler.
func (t xmlText) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	var b bytes.Buffer
	t.escape(&b)
	return e.EncodeElement(struct {
		Text []byte `xml:",innerxml"`
	}{b.Bytes()}, start)
}

func (t xmlText) escape(b *bytes.Buffer) {
	for _, r := range string(t) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
			fmt.Fprintf(b, "&#x%x;", r)
			continue
		}
		_ = xml.EscapeText(b, []byte(string(r))) // a bytes.Buffer never fails
	}
}

func writeElement(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	xmlText(text).escape(b)
	b.WriteString("</" + name + ">")
}

func malformedXML() *awswire.Error {
	return awswire.Errorf(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// WriteError writes an error response as S3 does; without a body where HTTP allows
// none. Requests that never reach the engine are answered with it, too.
func WriteError(w http.ResponseWriter, r *http.Request, e *awswire.Error) {
	if r.Method == http.MethodHead || e.Status == http.StatusNotModified {
		w.WriteHeader(e.Status)
		return
	}
	if w.Header().Get("x-amz-request-id") == "" {
		setRequestID(w)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Error>")
	writeElement(&b, "Code", e.Code)
	writeElement(&b, "Message", e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		writeElement(&b, name, fmt.Sprint(e.Fields[name]))
	}
	writeElement(&b, "RequestId", w.Header().Get("x-amz-request-id"))
	writeElement(&b, "HostId", w.Header().Get("x-amz-id-2"))
	b.WriteString("</Error>")
	awswire.WriteBody(w, e.Status, "application/xml", b.Bytes())
}
