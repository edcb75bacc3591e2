// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-httpapi.html

package template

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// plainAPI collects the parts of an HTTP API in plain CloudFormation:
// AWS::ApiGatewayV2::Api, Stage, Integration and Route. They refer to each other in
// any order, so join connects them once all have been read.
type plainAPI struct {
	stages       map[string]bool // IDs of the APIs that have one
	integrations map[string]integration
	routes       []plainRoute
}

type integration struct {
	apiID   string
	service Service
	timeout time.Duration
}

type plainRoute struct {
	resource *resource
	apiID    string
	target   string // ID of the integration
	Route
}

// readPlainAPI reads an AWS::ApiGatewayV2::Api.
func readPlainAPI(_ *evaluator, r *resource, name string, p *props, t *Template) error {
	p.ignore("Name", "Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "Tags", "Version")
	if v := p.str("ProtocolType", ""); v != "HTTP" {
		p.fail("ProtocolType", "%q is not supported, only HTTP", v)
	}
	findAPI(t, r.id, name).CORS = readCORS(p)
	return p.done()
}

// readStage reads an AWS::ApiGatewayV2::Stage. Throttling isn't emulated.
func readStage(e *evaluator, _ *resource, _ string, p *props, _ *Template) error {
	p.ignore("AccessLogSettings", "DefaultRouteSettings", "Description", "RouteSettings", "Tags")
	if v := p.str("StageName", ""); v != "$default" {
		p.fail("StageName", "%q is not supported, only $default", v)
	}
	if !p.boolean("AutoDeploy", false) {
		p.fail("AutoDeploy", "must be true: deployments are not supported")
	}
	e.plain.stages[p.str("ApiId", "")] = true
	return p.done()
}

// readIntegration reads an AWS::ApiGatewayV2::Integration with SQS.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html
func readIntegration(e *evaluator, _ *resource, name string, p *props, _ *Template) error {
	p.ignore("CredentialsArn", "Description", "ConnectionType")
	if v := p.str("IntegrationType", ""); v != "AWS_PROXY" {
		p.fail("IntegrationType", "%q is not supported, only AWS_PROXY", v)
	}
	if v := p.str("PayloadFormatVersion", ""); v != "1.0" {
		p.fail("PayloadFormatVersion", "is %q; service integrations have 1.0", v)
	}
	subtype := p.str("IntegrationSubtype", "")
	in := integration{
		apiID:   p.str("ApiId", ""),
		service: Service{Subtype: subtype, Parameters: p.texts("RequestParameters")},
		timeout: readTimeout(p),
	}
	checkService(p, in.service)
	e.plain.integrations[name] = in
	return p.done()
}

// readTimeout reads TimeoutInMillis: 50 ms to 30 s, by default 30 s.
func readTimeout(p *props) time.Duration {
	d := time.Duration(p.integer("TimeoutInMillis", 30_000)) * time.Millisecond
	if d < 50*time.Millisecond || d > 30*time.Second {
		p.fail("TimeoutInMillis", "is not between 50 and 30000")
	}
	return d
}

// serviceParameters are the request parameters of each subtype; true means required.
// Parameters that take lists or mappings aren't supported.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
var serviceParameters = map[string]map[string]bool{
	"SQS-SendMessage": {
		"QueueUrl": true, "MessageBody": true, "DelaySeconds": false, "MessageDeduplicationId": false, "MessageGroupId": false, "Region": false,
	},
	"SQS-ReceiveMessage": {
		"QueueUrl": true, "MaxNumberOfMessages": false, "ReceiveRequestAttemptId": false, "VisibilityTimeout": false,
		"WaitTimeSeconds": false, "Region": false,
	},
	"SQS-DeleteMessage": {"QueueUrl": true, "ReceiptHandle": true, "Region": false},
	"SQS-PurgeQueue":    {"QueueUrl": true, "Region": false},
}

func checkService(p *props, s Service) {
	known, ok := serviceParameters[s.Subtype]
	if !ok {
		p.fail("IntegrationSubtype", "%q is not supported", s.Subtype)
		return
	}
	for name := range s.Parameters {
		if _, ok := known[name]; !ok {
			p.fail("RequestParameters."+name, "is not supported for %s", s.Subtype)
		}
	}
	for name, required := range known {
		if _, ok := s.Parameters[name]; required && !ok {
			p.fail("RequestParameters."+name, "is required for %s", s.Subtype)
		}
	}
}

// readPlainRoute reads an AWS::ApiGatewayV2::Route.
func readPlainRoute(e *evaluator, r *resource, _ string, p *props, _ *Template) error {
	if v := p.str("AuthorizationType", "NONE"); v != "NONE" {
		p.fail("AuthorizationType", "%q is not supported", v)
	}
	target, ok := strings.CutPrefix(p.str("Target", ""), "integrations/")
	if !ok {
		p.fail("Target", "must be integrations/ID")
	}
	method, path, _ := strings.Cut(p.str("RouteKey", ""), " ")
	if method == "$default" {
		method, path = "", "$default"
	} else if !slices.Contains(methods, method) || !strings.HasPrefix(path, "/") {
		p.fail("RouteKey", "%q is no METHOD /path", p.str("RouteKey", ""))
	}
	e.plain.routes = append(e.plain.routes, plainRoute{
		resource: r, apiID: p.str("ApiId", ""), target: target, Route: Route{Method: method, Path: path},
	})
	return p.done()
}

// join gives each route its integration, and each API its routes.
func (p *plainAPI) join(t *Template) error {
	for _, r := range p.routes {
		in, ok := p.integrations[r.target]
		i := slices.IndexFunc(t.APIs, func(a API) bool { return a.ID == r.apiID })
		switch {
		case i < 0:
			return fmt.Errorf("resource %s (line %d): ApiId %q is no API of this template", r.resource.id, r.resource.line, r.apiID)
		case !ok || in.apiID != r.apiID:
			return fmt.Errorf("resource %s (line %d): Target is no integration of its API", r.resource.id, r.resource.line)
		case !p.stages[r.apiID]:
			return fmt.Errorf("resource %s (line %d): its API has no stage", r.resource.id, r.resource.line)
		}
		r.Service, r.Timeout = &in.service, in.timeout
		if err := t.APIs[i].add(r.Route); err != nil {
			return fmt.Errorf("resource %s (line %d): RouteKey %w", r.resource.id, r.resource.line, err)
		}
	}
	return nil
}

// add adds a route. It fails if there is one with the same method and path.
func (a *API) add(r Route) error {
	for _, other := range a.Routes {
		if other.Path == r.Path && other.Method == r.Method {
			return fmt.Errorf("%s %s is the route of %s too", r.Method, r.Path, other.name())
		}
	}
	a.Routes = append(a.Routes, r)
	return nil
}

func (r *Route) name() string {
	if r.Service != nil {
		return r.Service.Subtype
	}
	return r.Function
}
