package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/errandhq/errand"
)

// retryAfterSeconds is what answers that are worth trying again say; clients
// add jitter.
const retryAfterSeconds = 2

// problemOf returns what a caller is told of an error: of one that isn't an
// *errand.Error nothing but where to look.
func problemOf(err error) *errand.Error {
	var e *errand.Error
	if !errors.As(err, &e) {
		e = errand.Errorf(errand.CodeInternal, "the server failed; its log has the cause under the request ID")
	}
	return e
}

// writeProblem answers with err as problem+json and returns the status.
func writeProblem(w http.ResponseWriter, requestID string, err error) (status int) {
	e := problemOf(err)
	status = e.Code.Status()
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body, err := marshal(Problem{
		Type: "urn:errand:error:" + string(e.Code), Title: http.StatusText(status), Status: status,
		Code: e.Code, Detail: e.Message, Field: cut(e.Field), RequestID: requestID,
	})
	if err != nil { // of strings and a number: can't be
		body = []byte("{}\n")
	}
	writeJSON(w, "application/problem+json", status, body)
	return status
}

// marshal writes v as one line of JSON, signed URLs with their & as it is: for
// people with a terminal and no JSON parser. No browser takes it for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the caller has gone
}

// hasCause reports whether err holds more than its caller is told.
func hasCause(err error) bool {
	var e *errand.Error
	return err != nil && (!errors.As(err, &e) || e.Cause != nil)
}
