// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html

package sqs

import (
	"context"
	"encoding/json"
	"slices"
)

// GetQueueAttributes returns the named attributes that have a value; All names
// every attribute. Error: InvalidAttributeName.
func (e *Engine) GetQueueAttributes(ctx context.Context, in *GetQueueAttributesInput) (*GetQueueAttributesOutput, error) {
	out := &GetQueueAttributesOutput{}
	err := e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		names := in.AttributeNames
		if slices.Contains(names, "All") {
			names = q.attributeNames()
		}
		attributes := map[string]string{}
		for _, name := range names {
			value, err := q.readAttribute(name, t.now)
			if err != nil {
				return err
			}
			if value != "" {
				attributes[name] = value
			}
		}
		out.Attributes = attributes
		return nil
	})
	return out, err
}

func (q *queue) defaultAttributes() []string {
	if q.rec.FIFO {
		return fifoDefaults
	}
	return standardDefaults
}

func (q *queue) attributeNames() []string {
	names := slices.Clone(q.defaultAttributes())
	for name := range computedAttributes {
		names = append(names, name)
	}
	for name := range q.rec.Attributes {
		names = append(names, name)
	}
	return names
}

func (q *queue) readAttribute(name string, now int64) (string, error) {
	if f, ok := computedAttributes[name]; ok {
		return f(q, now), nil
	}
	if v, ok := q.rec.Attributes[name]; ok {
		return v, nil
	}
	if slices.Contains(q.defaultAttributes(), name) {
		return attribute(nil, name), nil
	}
	_, number := numberAttributes[name]
	_, choice := choiceAttributes[name]
	if !number && !choice && !documentAttributes[name] && name != "KmsMasterKeyId" {
		return "", errorf(codeInvalidAttributeName, "Unknown Attribute %s.", name)
	}
	return "", nil
}

// SetQueueAttributes changes attributes. Errors: InvalidAttributeName,
// InvalidAttributeValue, InvalidParameterValue (redrive policies).
func (e *Engine) SetQueueAttributes(ctx context.Context, in *SetQueueAttributesInput) (*SetQueueAttributesOutput, error) {
	q, err := e.findQueue(ctx, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes, q.rec.FIFO); err != nil {
		return nil, err
	}
	if err := e.checkRedrive(q.rec.Region, q.rec.Name, q.rec.FIFO, in.Attributes); err != nil {
		return nil, err
	}
	pending, err := q.transact(func(q *queue, t *txn) error {
		return q.setAttributes(t, in.Attributes)
	})
	if err != nil {
		return nil, err
	}
	return &SetQueueAttributesOutput{}, e.waitDurable(pending)
}

func (q *queue) setAttributes(t *txn, update map[string]string) error {
	merged := mergeAttributes(q.rec.Attributes, update)
	if err := checkCombination(merged); err != nil {
		return err
	}
	set, err := parseSettings(merged)
	if err != nil {
		return err
	}
	q.rec.Attributes, q.settings = merged, set
	q.rec.Modified = t.now
	q.advance(t.now) // with the new delay and retention
	q.saveRecord(t)
	return nil
}

// redriveAllowPolicy says which queues may use this one as dead-letter queue.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"` // allowAll, denyAll, byQueue
	Sources    []string `json:"sourceQueueArns"`   // ≤10
}

// checkRedrive checks the redrive policies in attributes. The dead-letter queue
// must exist, be of the same type and allow this source.
func (e *Engine) checkRedrive(region, name string, fifo bool, attributes map[string]string) error {
	if err := checkAllowPolicy(attributes["RedriveAllowPolicy"]); err != nil {
		return err
	}
	document := attributes["RedrivePolicy"]
	policy, err := parseRedrivePolicy(document)
	if err != nil || document == "" {
		return err
	}
	target := e.queueByARN(policy.target)
	source := queueARN(region, name)
	switch {
	case target == nil || target.rec.Region != region:
		return errValue(document, "RedrivePolicy", "Dead letter target does not exist.")
	case target.rec.FIFO != fifo:
		return errValue(document, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
	case !target.allowsRedrive(source):
		return errValue(document, "RedrivePolicy", "Source queue is not allowed to use the dead letter target by its redrive allow policy.")
	}
	return nil
}

func checkAllowPolicy(document string) error {
	if document == "" {
		return nil
	}
	var p redriveAllowPolicy
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return errValue(document, "RedriveAllowPolicy", "Redrive allow policy is not a valid JSON map.")
	}
	byQueue := p.Permission == "byQueue"
	if !byQueue && p.Permission != "allowAll" && p.Permission != "denyAll" {
		return errValue(document, "RedriveAllowPolicy", "Invalid value for redrivePermission, valid values are allowAll, denyAll and byQueue.")
	}
	if n := len(p.Sources); byQueue && (n < 1 || n > 10) || !byQueue && n > 0 {
		return errValue(document, "RedriveAllowPolicy", "sourceQueueArns requires 1 to 10 ARNs with byQueue, and is not allowed otherwise.")
	}
	return nil
}

func (q *queue) allowsRedrive(source string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	var p redriveAllowPolicy
	if document := q.rec.Attributes["RedriveAllowPolicy"]; document == "" || json.Unmarshal([]byte(document), &p) != nil {
		return true
	}
	switch p.Permission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(p.Sources, source)
	}
	return true
}
