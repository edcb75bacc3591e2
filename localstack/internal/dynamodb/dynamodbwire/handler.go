// Package dynamodbwire is DynamoDB's protocol, AWS JSON 1.0, before the engine
// of package dynamodb: POST / with X-Amz-Target: DynamoDB_20120810.Operation.
// Authentication is the business of whoever calls the handler.
package dynamodbwire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
)

// maxBody is DynamoDB's limit of a request, in bytes.
const maxBody = 16 << 20

const targetPrefix = "DynamoDB_20120810."

// Options of a handler.
type Options struct {
	// Billed is told what a successful operation on items was billed, in
	// capacity units. Refused writes, which AWS bills too, don't say. Nil: nobody
	// wants to know.
	Billed func(operation string, units float64)
}

// New returns the handler of e.
func New(e *dynamodb.Engine, o Options) http.Handler {
	return &handler{operations: operations(e), options: o}
}

// An operation reads its input from JSON and gives its output.
type operation func(ctx context.Context, body []byte) (any, error)

type handler struct {
	operations map[string]operation
	instead    *awswire.Error // of calling an operation
	options    Options
}

// Refuse returns a handler that answers every operation with err: one about the
// request's signature, which DynamoDB looks at after it has told what is wrong
// with the request otherwise.
func Refuse(err *awswire.Error) http.Handler {
	return &handler{operations: operations(nil), instead: err}
}

// operations are those that the engine has.
func operations(e *dynamodb.Engine) map[string]operation {
	return map[string]operation{
		"BatchGetItem":       adapt(e.BatchGetItem),
		"BatchWriteItem":     adapt(e.BatchWriteItem),
		"CreateTable":        adapt(e.CreateTable),
		"DeleteItem":         adapt(e.DeleteItem),
		"DeleteTable":        adapt(e.DeleteTable),
		"DescribeTable":      adapt(e.DescribeTable),
		"DescribeTimeToLive": adapt(e.DescribeTimeToLive),
		"GetItem":            adapt(e.GetItem),
		"ListTables":         adapt(e.ListTables),
		"ListTagsOfResource": adapt(e.ListTagsOfResource),
		"PutItem":            adapt(e.PutItem),
		"Query":              adapt(e.Query),
		"Scan":               adapt(e.Scan),
		"TagResource":        adapt(e.TagResource),
		"TransactGetItems":   adapt(e.TransactGetItems),
		"TransactWriteItems": adapt(e.TransactWriteItems),
		"UntagResource":      adapt(e.UntagResource),
		"UpdateItem":         adapt(e.UpdateItem),
		"UpdateTable":        adapt(e.UpdateTable),
		"UpdateTimeToLive":   adapt(e.UpdateTimeToLive),
	}
}

func adapt[In, Out any](f func(context.Context, *In) (*Out, error)) operation {
	return func(ctx context.Context, body []byte) (any, error) {
		in := new(In)
		if err := decode(body, in); err != nil {
			return nil, err
		}
		return f(ctx, in)
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Amzn-Requestid"] = []string{requestID()}
	if r.Method == http.MethodGet {
		answer(w, http.StatusOK, "text/plain", []byte("healthy: dynamodb."+awswire.IdentityFrom(r.Context()).Region+".amazonaws.com "))
		return
	}
	if h.instead != nil && h.instead.Status == http.StatusRequestEntityTooLarge {
		w.WriteHeader(http.StatusRequestEntityTooLarge) // the body isn't whole any more
		return
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	contentType = strings.TrimSpace(contentType)
	body, err := awswire.ReadBody(w, r, maxBody)
	var tooLarge *http.MaxBytesError
	switch {
	case err != nil && errors.As(err, &tooLarge):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	case err != nil: // the caller has gone, or sends what can't be read
		status, out := render(serialization(""))
		answer(w, status, "application/json", out)
		return
	case r.Method != http.MethodPost, len(body) > 0 && contentType != "application/json" && contentType != "application/x-amz-json-1.0":
		answer(w, http.StatusNotFound, "", []byte("<UnknownOperationException/>\n"))
		return
	}
	if contentType == "" {
		contentType = "application/json"
	}
	status, out := h.call(r, body)
	answer(w, status, contentType, out)
}

// requestID is one in the form of DynamoDB's: 52 letters and digits.
func requestID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [52]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program first
	for i, b := range id {
		id[i] = alphabet[b%byte(len(alphabet))]
	}
	return string(id[:])
}

// call runs the operation and renders its answer.
func (h *handler) call(r *http.Request, body []byte) (status int, out []byte) {
	result, err := h.result(r, body)
	if _, empty := result.(*dynamodb.NoOutput); empty && err == nil {
		return http.StatusOK, nil
	}
	if err == nil {
		out, err = json.Marshal(result, jsonOptions)
	}
	if err != nil {
		return render(err)
	}
	return http.StatusOK, out
}

func (h *handler) result(r *http.Request, body []byte) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name := strings.TrimPrefix(target, targetPrefix)
	op, ok := h.operations[name]
	known := ok && strings.HasPrefix(target, targetPrefix)
	if !known || h.instead != nil {
		return nil, h.refusal(known, target, body)
	}
	if len(body) == 0 {
		return nil, serialization("")
	}
	out, err := op(r.Context(), body)
	if b, billed := out.(interface{ Units() float64 }); billed && err == nil && h.options.Billed != nil {
		h.options.Billed(name, b.Units())
	}
	return out, err
}

// refusal is why no operation is called. AWS looks at the JSON first.
func (h *handler) refusal(known bool, target string, body []byte) error {
	if len(body) > 0 && !validJSON(body) {
		return serialization("")
	}
	if !known {
		return unknown(target)
	}
	return h.instead
}

func serialization(message string) *awswire.Error {
	return &awswire.Error{Status: http.StatusBadRequest, Code: "SerializationException", Message: message}
}

// upperMessage are the errors whose text stands in "Message", not "message".
var upperMessage = map[string]bool{
	"SerializationException": true, "AccessDeniedException": true, "TransactionCanceledException": true,
}

// render turns an error into its body. What isn't an AWS error is the stack's
// own fault: a 500, whose cause the caller needs not know.
func render(err error) (status int, body []byte) {
	var e *awswire.Error
	if !errors.As(err, &e) {
		e = &awswire.Error{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "The request processing has failed because of an unknown error, exception or failure."}
	}
	fields := map[string]any{}
	for k, v := range e.Fields {
		fields[k] = v
	}
	fields["__type"] = awswire.ErrorType("com.amazonaws.dynamodb.v20120810#", e.Code)
	if key := "message"; e.Message != "" {
		if upperMessage[e.Code] {
			key = "Message"
		}
		fields[key] = e.Message
	}
	body, err = json.Marshal(fields, jsonOptions)
	if err != nil { // only an engine that breaks its word
		return http.StatusInternalServerError, fmt.Appendf(nil, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`)
	}
	return e.Status, body
}

func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	v := []string{contentType, strconv.Itoa(len(body)), strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)}
	if contentType != "" {
		h["Content-Type"] = v[0:1:1]
	}
	h["Content-Length"], h["X-Amz-Crc32"] = v[1:2:2], v[2:3:3]
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have gone
}
