package hostile

import "time"

// Queues decides for the engine of SQS: it is its Faults.
type Queues struct {
	Source *Source
	SQS    SQS
}

// EmptyReceive implements sqs.Faults.
func (q Queues) EmptyReceive() bool { return q.Source.Hit("sqs.empty", q.SQS.Empty) }

// SkipMessage implements sqs.Faults.
func (q Queues) SkipMessage() bool { return q.Source.Hit("sqs.passed", q.SQS.Passed) }

// Duplicate implements sqs.Faults.
func (q Queues) Duplicate() bool { return q.Source.Hit("sqs.duplicate", q.SQS.Duplicate) }

// DeliveryDelay implements sqs.Faults.
func (q Queues) DeliveryDelay() time.Duration {
	if !q.Source.Hit("sqs.late", q.SQS.Late) {
		return 0
	}
	return q.Source.Within("sqs.late", q.SQS.LateMost)
}

// ApproximateCount implements sqs.Faults: it is off by up to 2 and a half of itself.
func (q Queues) ApproximateCount(n int) int {
	if !q.Source.Hit("sqs.miscount", q.SQS.Miscount) {
		return n
	}
	most := int64(n/2 + 2)
	return max(0, n+int(q.Source.N("sqs.miscount", 2*most+1)-most))
}

// Functions decides for Lambda: it is its Faults.
type Functions struct {
	Source *Source
	Lambda Lambda
}

// Throttle implements lambda.Faults.
func (f Functions) Throttle() bool { return f.Source.Hit("lambda.refused", f.Lambda.Refused) }

// Duplicate implements lambda.Faults.
func (f Functions) Duplicate() bool { return f.Source.Hit("lambda.twice", f.Lambda.Twice) }

// ColdStart implements lambda.Faults.
func (f Functions) ColdStart() bool { return f.Source.Hit("lambda.cold", f.Lambda.Cold) }
