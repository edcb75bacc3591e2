package integration

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand/internal/provision"
	"github.com/errandhq/errand/internal/setup"
)

// provisioned makes the template's tables, queue and bucket there, as errand provision
// does, and removes them with the test.
func provisioned(t *testing.T, to aws.Config) setup.Settings {
	t.Helper()
	name := "errand-it-" + strings.ToLower(rand.Text()[:10])
	p, err := setup.NewProvisioned(to, name, func(string) string { return "" })
	must(t, err)
	t.Cleanup(func() {
		if err := remove(context.Background(), to, p); err != nil { // the test's own context is over
			t.Errorf("clean up: %v", err)
		}
	})
	must(t, provision.Resources(t.Context(), to, p.Resources, func(c provision.Change) { t.Logf("%s: %s %s", c.Resource, c.Done, c.Missing) }))
	s, err := p.Settings(t.Context())
	must(t, err)
	return s
}

// remove removes what there is of the resources.
func remove(ctx context.Context, cfg aws.Config, p *setup.Provisioned) error {
	var errs []error
	for _, t := range p.Resources.Tables {
		_, err := dynamodb.NewFromConfig(cfg).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &t.Name})
		errs = append(errs, err)
	}
	queues := sqs.NewFromConfig(cfg)
	for _, q := range p.Resources.Queues {
		out, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
		if err == nil {
			_, err = queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
		}
		errs = append(errs, err)
	}
	for _, b := range p.Resources.Buckets {
		errs = append(errs, deleteBucket(ctx, newS3(cfg), b.Name))
	}
	return errors.Join(errs...)
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
