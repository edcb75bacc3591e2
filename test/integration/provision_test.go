package integration

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control/controltest"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// provision makes the template's tables, queue and bucket there, and removes
// them with the test. What the template says is what the embedded stack made
// of it: a model that is asked, then copied.
func provision(t *testing.T, to aws.Config) setup.Settings {
	t.Helper()
	name := "errand-it-" + strings.ToLower(rand.Text()[:10])
	model, err := localstack.Start(t.Context(), localstack.Config{Template: errand.Template, ResourcesOnly: true, StackName: name, Region: to.Region})
	must(t, err)
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	s := setup.Settings{
		Tables:     dynamo.Tables{Jobs: name + "-JobsTable", Workers: name + "-WorkersTable", Tokens: name + "-TokensTable"},
		Bucket:     name + "-bucket-" + localstack.Account,
		QueueNames: []string{errand.DefaultQueue},
		Timing:     errand.DefaultTiming(),
	}
	from := model.AWSConfig()
	for _, table := range []string{s.Tables.Jobs, s.Tables.Workers, s.Tables.Tokens} {
		copyTable(t, dynamodb.NewFromConfig(from), dynamodb.NewFromConfig(to), table)
	}
	s.Queues = map[string]string{errand.DefaultQueue: copyQueue(t, sqs.NewFromConfig(from), sqs.NewFromConfig(to), name+"-DefaultQueue.fifo")}
	copyBucket(t, newS3(from), newS3(to), s.Bucket, to.Region)
	return s
}

func newS3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// cleanup runs f after the test, whose own context is over by then.
func cleanup(t *testing.T, f func(ctx context.Context) error) {
	t.Cleanup(func() {
		if err := f(context.Background()); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
}

func copyTable(t *testing.T, from, to *dynamodb.Client, name string) {
	t.Helper()
	d, err := from.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	must(t, err)
	in := &dynamodb.CreateTableInput{
		TableName: &name, KeySchema: d.Table.KeySchema, AttributeDefinitions: d.Table.AttributeDefinitions, BillingMode: types.BillingModePayPerRequest,
	}
	for _, x := range d.Table.GlobalSecondaryIndexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection})
	}
	_, err = to.CreateTable(t.Context(), in)
	must(t, err)
	cleanup(t, func(ctx context.Context) error {
		_, err := to.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		return err
	})
	must(t, dynamodb.NewTableExistsWaiter(to).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, controltest.Patience))
	ttl, err := from.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	must(t, err)
	if d := ttl.TimeToLiveDescription; d != nil && d.AttributeName != nil {
		_, err = to.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
			TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: d.AttributeName, Enabled: aws.Bool(true)},
		})
		must(t, err)
	}
}

// settable are the attributes that CreateQueue takes.
var settable = []sqstypes.QueueAttributeName{
	"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "DelaySeconds", "MaximumMessageSize",
	"MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "SqsManagedSseEnabled",
}

func copyQueue(t *testing.T, from, to *sqs.Client, name string) (url string) {
	t.Helper()
	model, err := from.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	must(t, err)
	has, err := from.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: model.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	must(t, err)
	attributes := map[string]string{}
	for _, a := range settable {
		if v, ok := has.Attributes[string(a)]; ok {
			attributes[string(a)] = v
		}
	}
	out, err := to.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(t, err)
	cleanup(t, func(ctx context.Context) error {
		_, err := to.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
		return err
	})
	return *out.QueueUrl
}

func copyBucket(t *testing.T, from, to *s3.Client, name, region string) {
	t.Helper()
	in := &s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	_, err := to.CreateBucket(t.Context(), in)
	must(t, err)
	cleanup(t, func(ctx context.Context) error { return deleteBucket(ctx, to, name) })
	rules, err := from.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
	must(t, err)
	_, err = to.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &name, LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: rules.Rules},
	})
	must(t, err)
	cors, err := from.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &name})
	must(t, err)
	_, err = to.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &name, CORSConfiguration: &s3types.CORSConfiguration{CORSRules: cors.CORSRules}})
	must(t, err)
}

func deleteBucket(ctx context.Context, c *s3.Client, name string) error {
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: o.Key}); err != nil {
				return err
			}
		}
	}
	_, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}
