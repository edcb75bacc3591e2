package localstack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// provision creates the template's resources that are missing, and updates those
// that differ from the template. It deletes nothing.
func (s *Stack) provision(ctx context.Context) error {
	for _, t := range s.template.Tables {
		if err := s.provisionTable(ctx, t); err != nil {
			return fmt.Errorf("table %s: %w", t.LogicalID, err)
		}
	}
	for _, q := range deadLettersFirst(s.template.Queues) {
		if err := s.provisionQueue(ctx, q); err != nil {
			return fmt.Errorf("queue %s: %w", q.LogicalID, err)
		}
	}
	for _, b := range s.template.Buckets {
		if err := s.provisionBucket(b); err != nil {
			return fmt.Errorf("bucket %s: %w", b.LogicalID, err)
		}
	}
	return nil
}

// deadLettersFirst sorts queues with a redrive policy behind the others, which they
// refer to.
func deadLettersFirst(queues []template.Queue) []template.Queue {
	sorted := slices.Clone(queues)
	rank := func(q template.Queue) int { return len(q.Attributes["RedrivePolicy"]) }
	slices.SortStableFunc(sorted, func(a, b template.Queue) int { return min(rank(a), 1) - min(rank(b), 1) })
	return sorted
}

func (s *Stack) provisionQueue(ctx context.Context, q template.Queue) error {
	ctx = awswire.WithIdentity(ctx, awswire.Identity{Region: s.cfg.Region})
	ctx = sqs.WithRequest(ctx, sqs.Request{Endpoint: s.endpoint})
	_, err := s.services.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: q.Name, Attributes: q.Attributes, Tags: q.Tags})
	if !isCode(err, "QueueNameExists") {
		return err
	}
	// The queue exists with other attributes. Its type can't change.
	attributes := maps.Clone(q.Attributes)
	delete(attributes, "FifoQueue")
	_, err = s.services.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: q.URL, Attributes: attributes})
	return err
}

func (s *Stack) provisionBucket(b template.Bucket) error {
	err := s.services.s3.CreateBucket(b.Name, s.cfg.Region)
	if err != nil && !isCode(err, "BucketAlreadyOwnedByYou") {
		return err
	}
	have, err := s.services.s3.Bucket(b.Name)
	if err != nil {
		return err
	}
	want := bucketRules(b)
	if !slices.Equal(have.Lifecycle, want) {
		if err := s.services.s3.PutBucketLifecycle(b.Name, want, ""); err != nil {
			return err
		}
	}
	cors := bucketCORS(b)
	if slices.EqualFunc(have.CORS, cors, equalCORS) {
		return nil
	}
	return s.services.s3.PutBucketCORS(b.Name, cors)
}

func bucketRules(b template.Bucket) []s3.LifecycleRule {
	var rules []s3.LifecycleRule
	for _, r := range b.Lifecycle {
		rules = append(rules, s3.LifecycleRule{
			ID: r.ID, Prefix: r.Prefix, Disabled: !r.Enabled, Days: r.ExpirationDays, AbortDays: r.AbortDays,
		})
	}
	return rules
}

func bucketCORS(b template.Bucket) []s3.CORSRule {
	var rules []s3.CORSRule
	for _, r := range b.CORS {
		rules = append(rules, s3.CORSRule{
			ID: r.ID, AllowedOrigins: r.AllowedOrigins, AllowedMethods: r.AllowedMethods,
			AllowedHeaders: r.AllowedHeaders, ExposeHeaders: r.ExposedHeaders, MaxAgeSeconds: r.MaxAgeSeconds,
		})
	}
	return rules
}

func equalCORS(a, b s3.CORSRule) bool {
	return a.ID == b.ID && a.MaxAgeSeconds == b.MaxAgeSeconds &&
		slices.Equal(a.AllowedOrigins, b.AllowedOrigins) && slices.Equal(a.AllowedMethods, b.AllowedMethods) &&
		slices.Equal(a.AllowedHeaders, b.AllowedHeaders) && slices.Equal(a.ExposeHeaders, b.ExposeHeaders)
}

func isCode(err error, code string) bool {
	var e *awswire.Error
	return errors.As(err, &e) && e.Code == code
}
