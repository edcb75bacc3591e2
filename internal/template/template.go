// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html

// Package template reads an AWS SAM template: which tables, queues, buckets,
// functions, routes and schedules a stack consists of, with parameters,
// conditions and intrinsic functions resolved as CloudFormation would.
//
// Resource types and properties that the embedded stack can't provide, and that
// would change how a stack behaves, are errors. Those that only matter on AWS
// (roles, alarms, log groups) are ignored.
package template

import (
	"fmt"
	"time"
)

// Template is a stack as a template describes it, in the template's order.
type Template struct {
	StackName string
	APIs      []API
	Functions []Function
	Tables    []Table
	Queues    []Queue
	Buckets   []Bucket
	Outputs   map[string]string
}

// API is an HTTP API (AWS::Serverless::HttpApi, AWS::ApiGatewayV2::Api), or the
// implicit one that events without an ApiId belong to.
type API struct {
	LogicalID string
	ID        string // ten characters, the same at each start
	CORS      *CORS  // nil: none
	Routes    []Route
}

// CORS is an HTTP API's CorsConfiguration.
type CORS struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	MaxAge           time.Duration // 0: not sent
	AllowCredentials bool
}

// Route is one event of type HttpApi, or one AWS::ApiGatewayV2::Route.
type Route struct {
	Method   string   // upper case; "ANY"; empty with a Path of "$default"
	Path     string   // "/jobs/{id}", "/{proxy+}"; "$default"
	Function string   // name; empty if there is a Service
	Service  *Service // nil: it goes to Function
	Timeout  time.Duration
}

// Service is an integration with an AWS service, without a function.
type Service struct {
	Subtype    string            // "SQS-SendMessage"
	Parameters map[string]string // RequestParameters: texts, or "$request.…" expressions
}

// Function is an AWS::Serverless::Function.
type Function struct {
	LogicalID string
	Name      string
	ARN       string
	CodeURI   string // as written: "functions/jobs-create/"
	Handler   string
	Timeout   time.Duration
	MemoryMB  int
	// Reserved is ReservedConcurrentExecutions; nil: none are reserved.
	Reserved    *int
	Environment map[string]string
	Schedules   []Schedule
}

// Schedule is an event of type Schedule or ScheduleV2 of a Function.
type Schedule struct {
	ID       string // logical ID of the function + that of the event
	Name     string
	V2       bool // EventBridge Scheduler, not an EventBridge rule
	Every    time.Duration
	Disabled bool
	Input    string // JSON that replaces the scheduled event; empty: none
}

// Queue is an AWS::SQS::Queue.
type Queue struct {
	LogicalID  string
	Name       string
	URL        string
	Attributes map[string]string // as CreateQueue takes them
	Tags       map[string]string
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	LogicalID          string
	Name               string
	Attributes         []Attribute
	Key                []KeyPart
	Global             []Index
	Local              []Index
	BillingMode        string // PROVISIONED or PAY_PER_REQUEST
	Throughput         *Throughput
	TTLAttribute       string // empty: off
	DeletionProtection bool
}

// Attribute is a key attribute of a table. Type is S, N or B.
type Attribute struct{ Name, Type string }

// KeyPart is one element of a key schema. Type is HASH or RANGE.
type KeyPart struct{ Name, Type string }

// Index is a secondary index of a table.
type Index struct {
	Name       string
	Key        []KeyPart
	Projection string   // ALL, KEYS_ONLY, INCLUDE
	Include    []string // non-key attributes
	Throughput *Throughput
}

// Throughput is a provisioned capacity.
type Throughput struct{ Read, Write int64 }

// Bucket is an AWS::S3::Bucket.
type Bucket struct {
	LogicalID string
	Name      string
	Lifecycle []LifecycleRule
	CORS      []CORSRule
}

// LifecycleRule is a rule that expires objects or aborts uploads.
type LifecycleRule struct {
	ID             string
	Enabled        bool
	Prefix         string
	ExpirationDays int // 0: none
	AbortDays      int // of incomplete multipart uploads; 0: never
}

// CORSRule is a rule of a bucket's CorsConfiguration.
type CORSRule struct {
	ID             string
	AllowedOrigins []string
	AllowedMethods []string
	AllowedHeaders []string
	ExposedHeaders []string
	MaxAgeSeconds  int
}

// Options say what a template is resolved against.
type Options struct {
	// Parameters override the defaults. One that isn't declared is an error.
	Parameters map[string]string
	StackName  string // AWS::StackName
	Region     string // AWS::Region
	Account    string // AWS::AccountId
	// Endpoint is the base of queue URLs, "http://127.0.0.1:4566".
	Endpoint string
}

// Parse reads a template in YAML (or JSON, which is YAML). Errors name the
// line, the resource and what isn't supported or doesn't resolve.
func Parse(source []byte, o Options) (*Template, error) {
	d, err := parseDocument(source)
	if err != nil {
		return nil, err
	}
	e, err := newEvaluator(d, o)
	if err != nil {
		return nil, err
	}
	t := &Template{StackName: o.StackName, Outputs: map[string]string{}}
	for _, r := range d.resources {
		if err := readResource(e, r, t); err != nil {
			return nil, fmt.Errorf("resource %s (line %d): %w", r.id, r.line, err)
		}
	}
	if err := e.plain.join(t); err != nil {
		return nil, err
	}
	if err := readOutputs(e, d, t); err != nil {
		return nil, err
	}
	return t, nil
}

func readResource(e *evaluator, r *resource, t *Template) error {
	k, ok := kinds[r.typ]
	if !ok {
		if harmlessTypes[r.typ] {
			return nil
		}
		return fmt.Errorf("type %s is not supported", r.typ)
	}
	on, err := e.active(r)
	if err != nil || !on {
		return err
	}
	name, err := e.name(r)
	if err != nil {
		return err
	}
	v, err := e.eval(r.properties)
	if err != nil {
		return err
	}
	props, ok := asMap(v)
	if !ok {
		return fmt.Errorf("Properties is not a mapping")
	}
	return k.read(e, r, name, newProps("", props), t)
}

func readOutputs(e *evaluator, d *document, t *Template) error {
	for _, o := range pairs(d.outputs) {
		if c := lookup(o.value, "Condition"); c != nil {
			on, err := e.condition(c.Value)
			if err != nil {
				return fmt.Errorf("output %s: %w", o.key, err)
			}
			if !on {
				continue
			}
		}
		v, err := e.evalString(lookup(o.value, "Value"))
		if err != nil {
			return fmt.Errorf("output %s: %w", o.key, err)
		}
		t.Outputs[o.key] = v
	}
	return nil
}
