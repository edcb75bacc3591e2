package sqs

import (
	"context"
	"net/url"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// A Request is what operations need to know of the HTTP request, besides the
// caller's region.
type Request struct {
	// Endpoint is the scheme and host that the caller used, without a slash at
	// the end: http://127.0.0.1:4566. Queue URLs begin with it.
	Endpoint string
	// TraceHeader is X-Amzn-Trace-Id: the AWSTraceHeader of a message that is
	// sent without one.
	TraceHeader string
}

type requestKey struct{}

// WithRequest returns a context that carries r.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom returns the request of ctx, or an empty one.
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

func regionOf(ctx context.Context) string {
	if region := awswire.IdentityFrom(ctx).Region; region != "" {
		return region
	}
	return awswire.DefaultRegion
}

// regionPath begins the path of a queue URL outside the default region. On AWS
// the host names the region; here the host is the one that the caller used.
const regionPath = "queue"

// queueURL is the URL of a queue in the caller's region. As on AWS, no two
// queues have the same.
func queueURL(ctx context.Context, name string) string {
	path := awswire.Account + "/" + name
	if region := regionOf(ctx); region != awswire.DefaultRegion {
		path = regionPath + "/" + region + "/" + path
	}
	return RequestFrom(ctx).Endpoint + "/" + path
}

// findQueue finds a queue by its URL, the path of its URL, or its name.
// Errors: MissingParameter, QueueDoesNotExist, InvalidAddress.
func (e *Engine) findQueue(ctx context.Context, queueURL string) (*queue, error) {
	if queueURL == "" {
		return nil, errMissing("QueueUrl")
	}
	region := regionOf(ctx)
	at, ok := parseQueueURL(queueURL)
	switch {
	case !ok:
		return nil, errNoQueue()
	case at.region != "" && at.region != region:
		return nil, awswire.Errorf(404, codeInvalidAddress, "The address %s is not valid for this endpoint.", queueURL)
	}
	return e.queueByName(region, at.name)
}

func (e *Engine) queueByName(region, name string) (*queue, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	q, ok := e.queues[queueName{region, name}]
	if !ok {
		return nil, errNoQueue()
	}
	return q, nil
}

// queueByARN returns nil if there is no such queue.
func (e *Engine) queueByARN(arn string) *queue {
	p := strings.Split(arn, ":")
	if len(p) != 6 || p[4] != awswire.Account {
		return nil
	}
	q, _ := e.queueByName(p[3], p[5])
	return q
}

func queueARN(region, name string) string {
	return "arn:aws:sqs:" + region + ":" + awswire.Account + ":" + name
}

// parseQueueURL splits a queue URL, its path or a bare name. The region is
// empty if the URL doesn't name it.
func parseQueueURL(queueURL string) (at queueName, ok bool) {
	if !strings.Contains(queueURL, "/") {
		return queueName{name: queueURL}, true
	}
	u, err := url.Parse(queueURL)
	if err != nil {
		return at, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	n := len(parts)
	if n < 2 || parts[n-2] != awswire.Account {
		return at, false
	}
	if n == 4 && parts[0] == regionPath {
		at.region = parts[1]
	}
	at.name = parts[n-1]
	return at, true
}
