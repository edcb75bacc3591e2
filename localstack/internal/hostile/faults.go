package hostile

import "time"

// Queues implements sqs.Faults.
type Queues struct {
	Random *Random
	SQS    SQS
}

// EmptyReceive implements sqs.Faults.
func (q Queues) EmptyReceive() bool { return q.Random.Happens("sqs.empty", q.SQS.Empty) }

// SkipMessage implements sqs.Faults.
func (q Queues) SkipMessage() bool { return q.Random.Happens("sqs.passed", q.SQS.Passed) }

// Duplicate implements sqs.Faults.
func (q Queues) Duplicate() bool { return q.Random.Happens("sqs.duplicate", q.SQS.Duplicate) }

// DeliveryDelay implements sqs.Faults.
func (q Queues) DeliveryDelay() time.Duration {
	if !q.Random.Happens("sqs.late", q.SQS.Late) {
		return 0
	}
	return q.Random.Duration("sqs.late", q.SQS.LateMost)
}

// ApproximateCount implements sqs.Faults. It is off by up to n/2 + 2.
func (q Queues) ApproximateCount(n int) int {
	if !q.Random.Happens("sqs.miscount", q.SQS.Miscount) {
		return n
	}
	most := int64(n/2 + 2)
	return max(0, n+int(q.Random.IntN("sqs.miscount", 2*most+1)-most))
}

// Functions implements lambda.Faults.
type Functions struct {
	Random *Random
	Lambda Lambda
}

// Throttle implements lambda.Faults.
func (f Functions) Throttle() bool { return f.Random.Happens("lambda.refused", f.Lambda.Refused) }

// Duplicate implements lambda.Faults.
func (f Functions) Duplicate() bool { return f.Random.Happens("lambda.twice", f.Lambda.Twice) }

// ColdStart implements lambda.Faults.
func (f Functions) ColdStart() bool { return f.Random.Happens("lambda.cold", f.Lambda.Cold) }
