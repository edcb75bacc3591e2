// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html

package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// settings are the attributes of a queue that the engine acts on.
type settings struct {
	visibility   int64 // ms
	retention    int64 // ms
	delay        int64 // ms
	wait         int64 // s
	maxSize      int
	contentDedup bool
	redrive      redrivePolicy
}

// redrivePolicy is the RedrivePolicy attribute; maxReceive is 0 without one.
type redrivePolicy struct {
	target     string // ARN
	maxReceive uint32
}

type numberRange struct{ low, high, initial int64 }

// numberAttributes are the integer attributes, with AWS's ranges and defaults.
var numberAttributes = map[string]numberRange{
	"VisibilityTimeout":             {0, 43_200, 30},
	"MaximumMessageSize":            {1024, 1_048_576, 1_048_576},
	"MessageRetentionPeriod":        {60, 1_209_600, 345_600},
	"DelaySeconds":                  {0, 900, 0},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"KmsDataKeyReusePeriodSeconds":  {60, 86_400, 300},
}

// choiceAttributes are those that have one of a few values, the default first.
var choiceAttributes = map[string][]string{
	"FifoQueue":                 {"true", "false"},
	"ContentBasedDeduplication": {"false", "true"},
	"SqsManagedSseEnabled":      {"true", "false"},
	"DeduplicationScope":        {"queue", "messageGroup"},
	"FifoThroughputLimit":       {"perQueue", "perMessageGroupId"},
}

var documentAttributes = map[string]bool{"Policy": true, "RedrivePolicy": true, "RedriveAllowPolicy": true}

// computedAttributes are read-only.
var computedAttributes = map[string]func(q *queue, now int64) string{
	"QueueArn":                              func(q *queue, _ int64) string { return q.arn() },
	"CreatedTimestamp":                      func(q *queue, _ int64) string { return decimal(q.rec.Created / 1000) },
	"LastModifiedTimestamp":                 func(q *queue, _ int64) string { return decimal(q.rec.Modified / 1000) },
	"ApproximateNumberOfMessagesNotVisible": func(q *queue, _ int64) string { return q.approximateCount(len(q.inFlight)) },
	"ApproximateNumberOfMessagesDelayed":    func(q *queue, now int64) string { return q.approximateCount(q.backlog.countDelayed(now)) },
	"ApproximateNumberOfMessages": func(q *queue, now int64) string {
		return q.approximateCount(q.count - len(q.inFlight) - q.backlog.countDelayed(now))
	},
}

func (q *queue) approximateCount(n int) string {
	return decimal(int64(q.e.cfg.Faults.ApproximateCount(n)))
}

// GetQueueAttributes returns these attributes even if they were never set.
var (
	standardDefaults = []string{"VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "SqsManagedSseEnabled"}
	fifoDefaults     = append(slices.Clone(standardDefaults), "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func seconds(ms int64) int64 { return ms * 1000 }

// checkAttributes checks each attribute by itself.
// Errors: InvalidAttributeName, InvalidAttributeValue.
func checkAttributes(attributes map[string]string, fifo bool) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttribute(name, attributes[name], fifo); err != nil {
			return err
		}
	}
	if attributes["KmsMasterKeyId"] != "" && canonicalValue("SqsManagedSseEnabled", attributes["SqsManagedSseEnabled"]) == "true" {
		return errorf(codeInvalidAttributeName, "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	}
	return nil
}

// checkCombination checks all attributes that a queue would have.
func checkCombination(attributes map[string]string) error {
	if attributes["FifoThroughputLimit"] == "perMessageGroupId" && attribute(attributes, "DeduplicationScope") == "queue" {
		return errorf(codeInvalidAttribute, "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId is allowed only when DeduplicationScope is messageGroup.")
	}
	return nil
}

func checkAttribute(name, value string, fifo bool) error {
	if err := checkQueueType(name, value, fifo); err != nil {
		return err
	}
	if r, ok := numberAttributes[name]; ok {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < r.low || n > r.high {
			return errAttribute(name)
		}
		return nil
	}
	if choices, ok := choiceAttributes[name]; ok {
		if !slices.Contains(choices, canonicalValue(name, value)) {
			return errAttribute(name)
		}
		return nil
	}
	if documentAttributes[name] {
		if value != "" && !json.Valid([]byte(value)) {
			return errAttribute(name)
		}
		return nil
	}
	if name != "KmsMasterKeyId" {
		return errorf(codeInvalidAttributeName, "Unknown Attribute %s.", name)
	}
	return nil
}

// checkQueueType checks that the attribute is one of this type of queue.
func checkQueueType(name, value string, fifo bool) error {
	switch {
	case fifo && name == "FifoQueue" && strings.ToLower(value) != "true":
		return errorf(codeInvalidAttribute, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	case fifo:
		return nil
	case name == "FifoQueue" || name == "ContentBasedDeduplication":
		return errorf(codeInvalidAttributeName, "Unknown Attribute %s.", name)
	case name == "DeduplicationScope" || name == "FifoThroughputLimit":
		return errorf(codeInvalidAttributeName, "You can specify the %s only when FifoQueue is set to true.", name)
	}
	return nil
}

func errAttribute(name string) error {
	return errorf(codeInvalidAttribute, "Invalid value for the parameter %s.", name)
}

// canonicalValue returns the value to store: AWS accepts True for true.
func canonicalValue(name, value string) string {
	if c := choiceAttributes[name]; c != nil && (c[0] == "true" || c[0] == "false") {
		return strings.ToLower(value)
	}
	return value
}

// mergeAttributes returns attributes with those of update. An empty document and
// the default key setting remove theirs.
func mergeAttributes(attributes, update map[string]string) map[string]string {
	merged := maps.Clone(attributes)
	if merged == nil {
		merged = map[string]string{}
	}
	for name, value := range update {
		gone := value == "" && (documentAttributes[name] || name == "KmsMasterKeyId") ||
			name == "KmsDataKeyReusePeriodSeconds" && value == "300"
		if gone {
			delete(merged, name)
			continue
		}
		merged[name] = canonicalValue(name, value)
	}
	if update["KmsMasterKeyId"] != "" {
		merged["SqsManagedSseEnabled"] = "false"
	}
	return merged
}

// attribute returns the value of a settable attribute, or its default.
func attribute(attributes map[string]string, name string) string {
	if v, ok := attributes[name]; ok {
		return v
	}
	if r, ok := numberAttributes[name]; ok {
		return decimal(r.initial)
	}
	if c, ok := choiceAttributes[name]; ok {
		return c[0]
	}
	return ""
}

func parseSettings(attributes map[string]string) (s settings, err error) {
	number := func(name string) int64 {
		n, bad := strconv.ParseInt(attribute(attributes, name), 10, 64)
		if bad != nil && err == nil {
			err = errAttribute(name)
		}
		return n
	}
	s = settings{
		visibility:   seconds(number("VisibilityTimeout")),
		retention:    seconds(number("MessageRetentionPeriod")),
		delay:        seconds(number("DelaySeconds")),
		wait:         number("ReceiveMessageWaitTimeSeconds"),
		maxSize:      int(number("MaximumMessageSize")),
		contentDedup: attribute(attributes, "ContentBasedDeduplication") == "true",
	}
	if err != nil {
		return s, err
	}
	s.redrive, err = parseRedrivePolicy(attributes["RedrivePolicy"])
	return s, err
}

// parseRedrivePolicy accepts maxReceiveCount as a number or as a string, as AWS
// does.
func parseRedrivePolicy(document string) (p redrivePolicy, err error) {
	if document == "" {
		return p, nil
	}
	var raw struct {
		Target string          `json:"deadLetterTargetArn"`
		Count  json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(document), &raw); err != nil {
		return p, errValue(document, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
	}
	if raw.Target == "" {
		return p, errValue(document, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	if raw.Count == nil {
		return p, errValue(document, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	}
	count := strings.Trim(string(raw.Count), `"`)
	n, err := strconv.ParseUint(count, 10, 32)
	if err != nil || n < 1 || n > 1000 {
		return p, errValue(document, "RedrivePolicy", "Invalid value for maxReceiveCount: "+count+", valid values are from 1 to 1000 both inclusive.")
	}
	if strings.Count(raw.Target, ":") != 5 || !strings.HasPrefix(raw.Target, "arn:") {
		return p, errValue(document, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
	}
	return redrivePolicy{target: raw.Target, maxReceive: uint32(n)}, nil
}
