package localstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/gateway"
)

// caller lets the gateway call services, as AWS does with the integration's
// role: without a signature, and counted as anyone's call.
type caller struct{ stack *Stack }

// CallService implements gateway.Services.
func (c caller) CallService(ctx context.Context, service, action string, parameters map[string]string) (gateway.ServiceAnswer, error) {
	h := c.stack.handlers[strings.ToLower(service)]
	if h == nil || service != "SQS" {
		return gateway.ServiceAnswer{}, fmt.Errorf("service %s is not supported", service)
	}
	form := url.Values{"Version": {"2012-11-05"}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	id := awswire.Identity{AccessKeyID: c.stack.creds.AccessKeyID, Region: c.stack.cfg.Region, Service: "sqs"}
	r, err := http.NewRequestWithContext(awswire.WithIdentity(ctx, id), http.MethodPost, c.stack.endpoint+"/?Action="+action, strings.NewReader(form.Encode()))
	if err != nil {
		return gateway.ServiceAnswer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(answer, r)
	if err := context.Cause(ctx); err != nil {
		return gateway.ServiceAnswer{}, err
	}
	return gateway.ServiceAnswer{Status: answer.status, ContentType: answer.header.Get("Content-Type"), Body: answer.body.Bytes()}, nil
}
