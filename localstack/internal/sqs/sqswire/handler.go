// Package sqswire speaks SQS's two wire protocols for the engine in sqs: AWS
// JSON 1.0 (X-Amz-Target: AmazonSQS.SendMessage) and the older query protocol
// (Action=SendMessage, answers in XML). Who calls is settled before it is
// called; it takes the region from awswire.IdentityFrom.
package sqswire

import (
	"context"
	"errors"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// maxBody is what a request may weigh: 1 MiB of messages, each character of
// which may be escaped to six, and their attributes in base64.
const maxBody = 8 << 20

// Options of a handler.
type Options struct {
	// Logf gets the causes of answers with a status of 500; nil drops them.
	Logf func(format string, args ...any)
}

type handler struct {
	engine *sqs.Engine
	logf   func(format string, args ...any)
}

// New returns a handler that answers both protocols for engine.
func New(engine *sqs.Engine, o Options) http.Handler {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return &handler{engine: engine, logf: o.Logf}
}

// A protocol renders answers; what it decodes stands in a call.
type protocol interface {
	writeOutput(w http.ResponseWriter, action string, out any)
	writeError(w http.ResponseWriter, err *awswire.Error)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := awswire.RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		h.serveJSON(w, r, target)
		return
	}
	h.serveQuery(w, r, id)
}

// call runs an operation and renders its answer.
func (h *handler) call(w http.ResponseWriter, r *http.Request, p protocol, action string, decode func(into any) error) {
	op, ok := operations[action]
	if !ok {
		p.writeError(w, awswire.Errorf(http.StatusNotFound, codeUnknownOperation, "The operation %s is not known to SQS.", action))
		return
	}
	out, err := op(r.Context(), h.engine, scopeOf(r), decode)
	if err == nil {
		p.writeOutput(w, action, out)
		return
	}
	if r.Context().Err() != nil {
		return // nobody is there to be answered
	}
	p.writeError(w, h.asError(action, err))
}

// asError is err as it goes over the wire; causes are logged, never sent.
func (h *handler) asError(action string, err error) *awswire.Error {
	var answer *awswire.Error
	if !errors.As(err, &answer) {
		h.logf("sqs: %s: %v", action, err)
		return awswire.Errorf(http.StatusInternalServerError, "InternalError", "The request could not be served.")
	}
	if answer.Status >= 500 {
		h.logf("sqs: %s: %v", action, err)
	}
	return answer
}

// Error codes of the wire, which no engine gives.
const (
	codeUnknownOperation = "UnknownOperationException"
	codeSerialization    = "SerializationException"
)

// bodyError is what a body that can't be read is answered with.
func bodyError(err error) *awswire.Error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return awswire.Errorf(http.StatusRequestEntityTooLarge, codeSerialization, "The request is longer than %d bytes.", tooLarge.Limit)
	}
	return awswire.Errorf(http.StatusBadRequest, codeSerialization, "The request could not be read.")
}

// scopeOf is where the caller is: queue URLs begin with what it used.
func scopeOf(r *http.Request) sqs.Scope {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	region := awswire.IdentityFrom(r.Context()).Region
	if region == "" {
		region = awswire.DefaultRegion
	}
	return sqs.Scope{Region: region, Endpoint: scheme + "://" + r.Host, Trace: r.Header.Get("X-Amzn-Trace-Id")}
}

// An operation decodes its input, runs, and returns its output.
type operation func(ctx context.Context, e *sqs.Engine, sc sqs.Scope, decode func(into any) error) (out any, err error)

func op[In, Out any](f func(*sqs.Engine, context.Context, sqs.Scope, In) (Out, error)) operation {
	return func(ctx context.Context, e *sqs.Engine, sc sqs.Scope, decode func(any) error) (any, error) {
		var in In
		if err := decode(&in); err != nil {
			return nil, err
		}
		return f(e, ctx, sc, in)
	}
}

// operations are the actions by name. What isn't here fails by its name.
var operations = map[string]operation{
	"AddPermission":                op((*sqs.Engine).AddPermission),
	"CancelMessageMoveTask":        op((*sqs.Engine).CancelMessageMoveTask),
	"ChangeMessageVisibility":      op((*sqs.Engine).ChangeMessageVisibility),
	"ChangeMessageVisibilityBatch": op((*sqs.Engine).ChangeMessageVisibilityBatch),
	"CreateQueue":                  op((*sqs.Engine).CreateQueue),
	"DeleteMessage":                op((*sqs.Engine).DeleteMessage),
	"DeleteMessageBatch":           op((*sqs.Engine).DeleteMessageBatch),
	"DeleteQueue":                  op((*sqs.Engine).DeleteQueue),
	"GetQueueAttributes":           op((*sqs.Engine).GetQueueAttributes),
	"GetQueueUrl":                  op((*sqs.Engine).GetQueueUrl),
	"ListDeadLetterSourceQueues":   op((*sqs.Engine).ListDeadLetterSourceQueues),
	"ListMessageMoveTasks":         op((*sqs.Engine).ListMessageMoveTasks),
	"ListQueueTags":                op((*sqs.Engine).ListQueueTags),
	"ListQueues":                   op((*sqs.Engine).ListQueues),
	"PurgeQueue":                   op((*sqs.Engine).PurgeQueue),
	"ReceiveMessage":               op((*sqs.Engine).ReceiveMessage),
	"RemovePermission":             op((*sqs.Engine).RemovePermission),
	"SendMessage":                  op((*sqs.Engine).SendMessage),
	"SendMessageBatch":             op((*sqs.Engine).SendMessageBatch),
	"SetQueueAttributes":           op((*sqs.Engine).SetQueueAttributes),
	"StartMessageMoveTask":         op((*sqs.Engine).StartMessageMoveTask),
	"TagQueue":                     op((*sqs.Engine).TagQueue),
	"UntagQueue":                   op((*sqs.Engine).UntagQueue),
}
