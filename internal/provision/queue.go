package provision

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand/internal/template"
)

// onlyOnAWS are attributes that raise AWS's limits of a FIFO queue. Elsewhere there are
// none, and an implementation may refuse them.
var onlyOnAWS = []string{"DeduplicationScope", "FifoThroughputLimit", "SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"}

func (p *provisioner) queue(ctx context.Context, q template.Queue) error {
	resource := "queue " + q.Name
	have, err := p.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
	switch {
	case err == nil:
		return p.changeQueue(ctx, q, resource, have.QueueUrl)
	case !isNoQueue(err):
		return err
	}
	_, err = p.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q.Name, Attributes: q.Attributes})
	if err == nil {
		p.report(Change{Resource: resource, Done: "created"})
		return nil
	}
	if !isRefusal(err) {
		return err
	}
	if _, err := p.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q.Name, Attributes: plain(q.Attributes)}); err != nil {
		return err
	}
	p.report(Change{Resource: resource, Done: "created"})
	return p.optional(resource, "the attributes of AWS alone", err)
}

// changeQueue sets the attributes of a queue that exists. Its type can't change.
func (p *provisioner) changeQueue(ctx context.Context, q template.Queue, resource string, url *string) error {
	attributes := maps.Clone(q.Attributes)
	delete(attributes, "FifoQueue")
	p.report(Change{Resource: resource, Done: "exists"})
	if len(attributes) == 0 {
		return nil
	}
	_, err := p.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: attributes})
	if err != nil && isRefusal(err) {
		attributes = plain(attributes)
		_, second := p.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: attributes})
		err = errors.Join(second)
	}
	return p.optional(resource, "its attributes", err)
}

// plain are the attributes without those of AWS alone.
func plain(attributes map[string]string) map[string]string {
	out := maps.Clone(attributes)
	for _, name := range onlyOnAWS {
		delete(out, name)
	}
	return out
}

// isNoQueue reports whether the queue doesn't exist: AWS's code, and the one of its
// older protocol, which others still use.
func isNoQueue(err error) bool {
	var missing *types.QueueDoesNotExist
	return errors.As(err, &missing) || isCode(err, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
}
