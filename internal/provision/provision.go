// Package provision creates the tables, queues and buckets of a template through the
// AWS SDK, for servers that no CloudFormation deploys: on DynamoDB Local or ScyllaDB,
// ElasticMQ, MinIO and others that speak AWS's protocols.
//
// It creates what is missing, changes settings that differ, and deletes nothing. A
// setting that the implementation doesn't know, such as an expiry of objects, is
// reported and left out.
package provision

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/template"
)

// A Change is one thing that Resources did, or could not do.
type Change struct {
	Resource string // "table errand-JobsTable"
	Done     string // "created", "exists", "changed: expiry of objects"
	// Missing is why a setting was left out, which the implementation refused; else
	// empty.
	Missing string
}

// provisioner has the clients and what was done so far.
type provisioner struct {
	tables  *dynamodb.Client
	queues  *sqs.Client
	buckets *s3.Client
	region  string
	report  func(Change)
}

// Resources creates the template's tables, queues and buckets that are missing, and
// reports each. Running it again changes nothing. Errors: a resource that exists with
// another key or type, and those of the services.
func Resources(ctx context.Context, cfg aws.Config, t *template.Template, report func(Change)) error {
	p := &provisioner{
		tables: dynamodb.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg), region: cfg.Region, report: report,
		buckets: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }),
	}
	for _, table := range t.Tables {
		if err := p.table(ctx, table); err != nil {
			return awsconf.Failed("table "+table.Name, err)
		}
	}
	for _, q := range deadLettersFirst(t.Queues) {
		if err := p.queue(ctx, q); err != nil {
			return awsconf.Failed("queue "+q.Name, err)
		}
	}
	for _, b := range t.Buckets {
		if err := p.bucket(ctx, b); err != nil {
			return awsconf.Failed("bucket "+b.Name, err)
		}
	}
	return nil
}

// deadLettersFirst sorts queues with a redrive policy behind the others, which they
// refer to.
func deadLettersFirst(queues []template.Queue) []template.Queue {
	sorted := slices.Clone(queues)
	rank := func(q template.Queue) int { return min(len(q.Attributes["RedrivePolicy"]), 1) }
	slices.SortStableFunc(sorted, func(a, b template.Queue) int { return rank(a) - rank(b) })
	return sorted
}

// optional reports a setting that the implementation refused. It returns the error if
// the service could not be reached, or the caller may not: that is no missing feature.
func (p *provisioner) optional(resource, setting string, err error) error {
	if err == nil {
		return nil
	}
	if !isRefusal(err) {
		return awsconf.Failed(setting, err)
	}
	p.report(Change{Resource: resource, Done: "without " + setting, Missing: awsconf.Reason(err)})
	return nil
}

// isRefusal reports whether a service answered that it doesn't know what was asked.
func isRefusal(err error) bool {
	var re *smithyhttp.ResponseError
	if !errors.As(err, &re) {
		return false
	}
	switch re.HTTPStatusCode() {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable:
		return false
	}
	return true
}

func isCode(err error, codes ...string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && slices.Contains(codes, e.ErrorCode())
}
