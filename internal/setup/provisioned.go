package setup

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/template"
)

// Provisioned is a server whose tables, queues and bucket no CloudFormation made:
// internal/provision makes them, and the Settings come from the same template.
type Provisioned struct {
	AWS       aws.Config
	Resources *template.Template
	env       map[string]string // of the functions, by the template
	getenv    func(string) string
}

// provisionedDefaults differ from those on AWS, where a held request costs money and
// a ticket is never lost.
var provisionedDefaults = map[string]string{
	"ERRAND_POLL_WAIT":     "20s",
	"ERRAND_TICKET_RESEND": "15m",
}

// defaultRegion is for services that ask for none, but whose requests are signed for one.
const defaultRegion = "us-east-1"

// OpenProvisioned is NewProvisioned with the AWS SDK's configuration from the
// environment, which says where the services are. Errors: the configuration's.
func OpenProvisioned(ctx context.Context, stackName string, getenv func(string) string, log *slog.Logger) (*Provisioned, error) {
	// The SDK would write to stderr, and warns of checksums that others than AWS lack.
	cfg, err := awsconf.Load(ctx, logging.LoggerFunc(func(c logging.Classification, format string, v ...any) {
		log.Debug("AWS SDK", "class", string(c), "message", fmt.Sprintf(format, v...))
	}))
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	return NewProvisioned(cfg, stackName, getenv)
}

// stackNameRE is CloudFormation's, and so long that the names of queues have room.
var stackNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,31}$`)

// NewProvisioned reads the template for the stack's name. ERRAND_JOBS_TABLE,
// ERRAND_WORKERS_TABLE, ERRAND_TOKENS_TABLE and ERRAND_BUCKET replace the names that
// follow from it.
func NewProvisioned(cfg aws.Config, stackName string, getenv func(string) string) (*Provisioned, error) {
	if !stackNameRE.MatchString(stackName) {
		return nil, fmt.Errorf("the stack's name must be 1 to 32 letters, digits and hyphens, and begin with a letter; got %q", stackName)
	}
	t, err := template.Parse(errand.Template, template.Options{
		StackName: stackName, Region: cfg.Region, Account: "000000000000", Endpoint: "http://queue.invalid",
		Parameters: map[string]string{"Bell": "false"},
	})
	if err != nil {
		return nil, fmt.Errorf("template.yaml: %w", err)
	}
	p := &Provisioned{AWS: cfg, Resources: t, getenv: getenv}
	for i := range t.Functions {
		if path.Base(strings.TrimSuffix(t.Functions[i].CodeURI, "/")) == SweepName {
			p.env = t.Functions[i].Environment
		}
	}
	p.rename()
	p.Resources.Queues = slices.DeleteFunc(p.Resources.Queues, func(q template.Queue) bool {
		return !strings.Contains(p.env["ERRAND_QUEUES"], "="+q.URL) // a bell's
	})
	return p, nil
}

// rename gives the resources the names that the environment says.
func (p *Provisioned) rename() {
	names := map[string]string{}
	for _, v := range []string{"ERRAND_JOBS_TABLE", "ERRAND_WORKERS_TABLE", "ERRAND_TOKENS_TABLE", "ERRAND_BUCKET"} {
		if name := p.getenv(v); name != "" {
			names[p.env[v]] = name
		}
	}
	for i, t := range p.Resources.Tables {
		if name := names[t.Name]; name != "" {
			p.Resources.Tables[i].Name = name
		}
	}
	for i, b := range p.Resources.Buckets {
		if name := names[b.Name]; name != "" {
			p.Resources.Buckets[i].Name = name
		}
	}
}

// variable is one of the environment, or else the template's.
func (p *Provisioned) variable(name string) string {
	if v := p.getenv(name); v != "" {
		return v
	}
	if v := provisionedDefaults[name]; v != "" {
		return v
	}
	return p.env[name]
}

// Settings returns the settings of a server over these resources. It asks the services
// for each. Errors: a variable at fault, a resource that doesn't exist, a service that
// can't be reached.
func (p *Provisioned) Settings(ctx context.Context) (Settings, error) {
	s, err := ParseSettings(p.variable)
	if err != nil {
		return s, err
	}
	s.DirectFunction = "" // there is no Lambda
	cfg := patient(p.AWS)
	tables := dynamodb.NewFromConfig(cfg)
	for _, name := range []string{s.Tables.Jobs, s.Tables.Workers, s.Tables.Tokens} {
		if _, err := tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name}); err != nil {
			return s, awsconf.Failed("find the table "+name, err)
		}
	}
	if p.getenv("ERRAND_QUEUES") == "" {
		queues := sqs.NewFromConfig(cfg)
		for name, at := range s.Queues {
			physical := path.Base(at)
			out, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &physical})
			if err != nil {
				return s, awsconf.Failed("find the queue "+physical, err)
			}
			s.Queues[name] = aws.ToString(out.QueueUrl)
		}
	}
	if _, err := p.buckets().HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.Bucket}); err != nil {
		return s, awsconf.Failed("find the bucket "+s.Bucket, err)
	}
	return s, nil
}

func (p *Provisioned) buckets() *s3.Client {
	return s3.NewFromConfig(patient(p.AWS), func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// ObjectURL is the base URL of the objects for clients: the settings', or else the S3
// endpoint that the server itself uses.
func (p *Provisioned) ObjectURL(s Settings) string {
	if s.ObjectURL != "" {
		return s.ObjectURL
	}
	return p.Endpoint(s)
}

// Endpoint is the S3 endpoint that the server itself uses.
func (p *Provisioned) Endpoint(s Settings) string {
	if endpoint := p.buckets().Options().BaseEndpoint; endpoint != nil {
		return strings.TrimSuffix(*endpoint, "/")
	}
	return "https://" + s.Bucket + ".s3." + p.AWS.Region + ".amazonaws.com"
}

// Recheck is how often a held request of a server that is not alone looks for what
// another one wrote.
const Recheck = time.Second
