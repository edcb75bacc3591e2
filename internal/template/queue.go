// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html

package template

import (
	"encoding/json"
	"strconv"
)

// queueAttributes are the properties of AWS::SQS::Queue that are queue attributes of
// the same name.
var queueAttributes = []string{
	"ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit",
	"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
	"SqsManagedSseEnabled", "VisibilityTimeout",
}

func queueARN(e *evaluator, name string) string { return e.arn("sqs", name) }

// generateQueueName adds the suffix that a FIFO queue's name must have.
func generateQueueName(e *evaluator, r *resource) string {
	name := e.o.StackName + "-" + r.id
	if fifo, err := e.evalString(lookup(r.properties, "FifoQueue")); err == nil && fifo == "true" {
		return name + ".fifo"
	}
	return name
}

func readQueue(e *evaluator, r *resource, name string, p *props, t *Template) error {
	p.ignore("QueueName")
	q := Queue{LogicalID: r.id, Name: name, URL: e.queueURL(name), Attributes: map[string]string{}, Tags: p.tags("Tags")}
	for _, a := range queueAttributes {
		if p.has(a) {
			q.Attributes[a] = p.str(a, "")
		}
	}
	if q.Attributes["FifoQueue"] == "false" {
		delete(q.Attributes, "FifoQueue") // CreateQueue accepts only true
	}
	if p.has("ReceiveMessageWaitTimeSeconds") {
		q.Attributes["ReceiveMessageWaitTimeSeconds"] = p.str("ReceiveMessageWaitTimeSeconds", "")
	}
	for _, a := range []string{"RedrivePolicy", "RedriveAllowPolicy"} {
		if v, ok := p.get(a); ok {
			q.Attributes[a] = policyJSON(v)
		}
	}
	t.Queues = append(t.Queues, q)
	return p.done()
}

// policyJSON returns a policy as SQS expects it: JSON in a string, in which
// maxReceiveCount, a string in the evaluator, is a number.
func policyJSON(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if m, ok := asMap(v); ok {
		if n, err := strconv.Atoi(str(m["maxReceiveCount"])); err == nil {
			m = merge(m, map[string]any{"maxReceiveCount": n})
		}
		v = m
	}
	b, _ := json.Marshal(v) // strings, lists and mappings of them: can't fail
	return string(b)
}

func str(v any) string {
	s, _ := v.(string)
	return s
}
