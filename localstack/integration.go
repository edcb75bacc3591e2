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

// serviceCaller calls services for the gateway, as API Gateway does with the role
// of an integration: without a signature. The calls count in Usage.
type serviceCaller struct{ stack *Stack }

// CallService implements gateway.Services.
func (c serviceCaller) CallService(ctx context.Context, service, action string, parameters map[string]string) (gateway.ServiceResponse, error) {
	h := c.stack.handlers[strings.ToLower(service)]
	if h == nil || service != "SQS" {
		return gateway.ServiceResponse{}, fmt.Errorf("service %s is not supported", service)
	}
	form := url.Values{"Version": {"2012-11-05"}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	id := awswire.Identity{AccessKeyID: c.stack.creds.AccessKeyID, Region: c.stack.cfg.Region, Service: "sqs"}
	r, err := http.NewRequestWithContext(awswire.WithIdentity(ctx, id), http.MethodPost, c.stack.endpoint+"/?Action="+action, strings.NewReader(form.Encode()))
	if err != nil {
		return gateway.ServiceResponse{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := awswire.NewRecorder()
	h.ServeHTTP(response, r)
	if err := context.Cause(ctx); err != nil {
		return gateway.ServiceResponse{}, err
	}
	return gateway.ServiceResponse{Status: response.Status, ContentType: response.Header().Get("Content-Type"), Body: response.Body.Bytes()}, nil
}
