// Package dynamodbwire is DynamoDB's protocol, AWS JSON 1.0, before the engine
// of package dynamodb: POST / with X-Amz-Target: DynamoDB_20120810.Operation.
// Authentication is the business of whoever calls the handler.
package dynamodbwire

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/engine"
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
	return &handler{engine: e, operations: operations(e), options: o}
}

// An operation reads its input from JSON and gives its output.
type operation func(r *http.Request, body []byte) (any, error)

type handler struct {
	engine     *dynamodb.Engine // nil with refusal
	operations map[string]operation
	refusal    *awswire.Error // of every operation
	options    Options
}

// Refuse returns a handler that fails every operation with err: one about the
// request's signature, which DynamoDB checks after it has reported what else is
// wrong with the request.
func Refuse(err *awswire.Error) http.Handler {
	return &handler{operations: operations(nil), refusal: err}
}

// operations are those that the engine has.
func operations(e *dynamodb.Engine) map[string]operation {
	return map[string]operation{
		"BatchGetItem":       adapt(e.BatchGetItem),
		"BatchWriteItem":     adapt(e.BatchWriteItem),
		"CreateTable":        adapt(e.CreateTable),
		"DeleteItem":         adapt(e.DeleteItem),
		"DeleteTable":        adapt(e.DeleteTable),
		"DescribeEndpoints":  describeEndpoints,
		"DescribeLimits":     adapt(e.DescribeLimits),
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
	return func(r *http.Request, body []byte) (any, error) {
		in := new(In)
		if err := decode(body, in); err != nil {
			return nil, err
		}
		return f(r.Context(), in)
	}
}

// describeEndpoints answers that the caller's endpoint is the one to use.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeEndpoints.html
func describeEndpoints(r *http.Request, body []byte) (any, error) {
	type endpoint struct {
		Address              string
		CachePeriodInMinutes int
	}
	if err := decode(body, new(struct{})); err != nil {
		return nil, err
	}
	return struct{ Endpoints []endpoint }{[]endpoint{{r.Host, 1440}}}, nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := rand.Text() + rand.Text() // 52 letters and digits, as DynamoDB's
	w.Header()["X-Amzn-Requestid"] = []string{id}
	if r.Method == http.MethodGet {
		writeResponse(w, r, http.StatusOK, "text/plain", []byte("healthy: dynamodb."+awswire.IdentityFrom(r.Context()).Region+".amazonaws.com "))
		return
	}
	if h.refusal != nil && h.refusal.Status == http.StatusRequestEntityTooLarge {
		w.WriteHeader(http.StatusRequestEntityTooLarge) // part of the body was read already
		return
	}
	if h.refusal != nil && r.Header.Get("Content-Encoding") != "" { // decompress nothing for a caller who isn't known
		writeResponse(w, r, h.refusal.Status, "application/x-amz-json-1.0", errorBody(h.refusal))
		return
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	contentType = strings.TrimSpace(contentType)
	body, err := readBody(w, r)
	var tooLarge *http.MaxBytesError
	switch {
	case err != nil && errors.As(err, &tooLarge):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	case err != nil: // the caller has gone, or sends what can't be read
		unreadable := serialization("")
		errors.As(err, &unreadable)
		writeResponse(w, r, http.StatusBadRequest, "application/json", errorBody(unreadable))
		return
	case r.Method != http.MethodPost, len(body) > 0 && contentType != "application/json" && contentType != "application/x-amz-json-1.0":
		writeResponse(w, r, http.StatusNotFound, "", []byte("<UnknownOperationException/>\n"))
		return
	}
	if contentType == "" {
		contentType = "application/json"
	}
	status, out := h.respond(r, id, body)
	writeResponse(w, r, status, contentType, out)
}

// respond runs the operation and encodes its output or its error. An error
// other than AWS's is a failure of the stack: a 500, whose cause is logged.
func (h *handler) respond(r *http.Request, id string, body []byte) (status int, out []byte) {
	target := r.Header.Get("X-Amz-Target")
	out, err := h.call(r, target, body)
	if err == nil {
		return http.StatusOK, out
	}
	var e *awswire.Error
	if h.refusal == nil {
		e = h.engine.Answer(strings.TrimPrefix(target, targetPrefix)+" (request "+id+")", err, internalServerError)
	} else {
		errors.As(err, &e) // the refusal, or what is checked before it
	}
	return e.Status, errorBody(e)
}

func (h *handler) call(r *http.Request, target string, body []byte) (out []byte, err error) {
	name, ok := strings.CutPrefix(target, targetPrefix)
	op := h.operations[name]
	// AWS looks at the JSON first.
	switch {
	case len(body) > 0 && !(ok && op != nil && h.refusal == nil) && !validJSON(body):
		return nil, serialization("")
	case !ok || op == nil:
		return nil, unknownOperation(target)
	case h.refusal != nil:
		return nil, h.refusal
	case len(body) == 0:
		return nil, serialization("")
	}
	if !h.engine.Enter() {
		return nil, errClosing
	}
	defer h.engine.Leave()
	defer engine.Recover(&err)
	result, err := op(r, body)
	if err != nil {
		return nil, err
	}
	if b, billed := result.(interface{ Units() float64 }); billed && h.options.Billed != nil {
		h.options.Billed(name, b.Units())
	}
	if _, empty := result.(*dynamodb.NoOutput); empty {
		return nil, nil
	}
	return json.Marshal(result, jsonOptions)
}

// writeResponse writes a response, compressed if the caller accepts that, with the
// checksum of the bytes that are sent, which SDKs check.
func writeResponse(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	body = compressFor(w, r, body)
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	awswire.WriteBody(w, status, contentType, body)
}
