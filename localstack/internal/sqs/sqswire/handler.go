// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests.html

// Package sqswire serves the engine of package sqs in SQS's two protocols: AWS
// JSON 1.0 (X-Amz-Target: AmazonSQS.SendMessage) and the older query protocol
// (Action=SendMessage, responses in XML). The caller of its handler checks the
// signature and passes the region on with awswire.WithIdentity.
package sqswire

import (
	"context"
	"errors"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// maxBody is the limit of a request in bytes: 1 MiB of messages, each character
// of which may be escaped to six, and their attributes in base64.
const maxBody = 8 << 20

type handler struct{ engine *sqs.Engine }

// New returns a handler that serves both protocols.
func New(engine *sqs.Engine) http.Handler { return &handler{engine} }

// A protocol writes responses.
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

// respond runs an operation and writes its response.
func (h *handler) respond(w http.ResponseWriter, r *http.Request, p protocol, action string, decode func(into any) error) {
	op, ok := operations[action]
	if !ok {
		p.writeError(w, awswire.Errorf(http.StatusNotFound, codeUnknownOperation, "The operation %s is not known to SQS.", action))
		return
	}
	out, err := h.call(r, op, decode)
	if err == nil {
		p.writeOutput(w, action, out)
		return
	}
	if ended := r.Context().Err(); ended != nil && errors.Is(err, ended) {
		return // the caller has gone
	}
	internal := awswire.Errorf(http.StatusInternalServerError, "InternalError", "The request could not be served.")
	p.writeError(w, h.engine.Answer(action, err, internal))
}

func (h *handler) call(r *http.Request, op operation, decode func(into any) error) (out any, err error) {
	if err := h.engine.Begin(); err != nil {
		return nil, err
	}
	defer h.engine.Leave()
	defer engine.Recover(&err)
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	ctx := sqs.WithRequest(r.Context(), sqs.Request{
		Endpoint: scheme + "://" + r.Host, TraceHeader: r.Header.Get("X-Amzn-Trace-Id"),
	})
	return op(ctx, h.engine, decode)
}

// Error codes that the engine doesn't return.
const (
	codeUnknownOperation = "UnknownOperationException"
	codeSerialization    = "SerializationException"
)

// bodyError returns the error of a request whose body can't be read.
func bodyError(err error) *awswire.Error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return awswire.Errorf(http.StatusRequestEntityTooLarge, codeSerialization, "The request is longer than %d bytes.", tooLarge.Limit)
	}
	return awswire.Errorf(http.StatusBadRequest, codeSerialization, "The request could not be read.")
}

// An operation decodes its input and calls the engine.
type operation func(ctx context.Context, e *sqs.Engine, decode func(into any) error) (out any, err error)

func op[In, Out any](f func(*sqs.Engine, context.Context, *In) (*Out, error)) operation {
	return func(ctx context.Context, e *sqs.Engine, decode func(any) error) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		return f(e, ctx, in)
	}
}

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
