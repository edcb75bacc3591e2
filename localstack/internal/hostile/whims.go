package hostile

import "time"

// Queues decides for the engine of SQS: it is its Whims.
type Queues struct {
	Source *Source
	SQS    SQS
}

// Empty implements sqs.Whims.
func (q Queues) Empty() bool { return q.Source.Hit("sqs.empty", q.SQS.Empty) }

// Pass implements sqs.Whims.
func (q Queues) Pass() bool { return q.Source.Hit("sqs.passed", q.SQS.Passed) }

// Twice implements sqs.Whims.
func (q Queues) Twice() bool { return q.Source.Hit("sqs.duplicate", q.SQS.Duplicate) }

// Late implements sqs.Whims.
func (q Queues) Late() time.Duration {
	if !q.Source.Hit("sqs.late", q.SQS.Late) {
		return 0
	}
	return q.Source.Within("sqs.late", q.SQS.LateMost)
}

// Count implements sqs.Whims: it is off by up to 2 and a half of itself.
func (q Queues) Count(n int) int {
	if !q.Source.Hit("sqs.miscount", q.SQS.Miscount) {
		return n
	}
	most := int64(n/2 + 2)
	return max(0, n+int(q.Source.N("sqs.miscount", 2*most+1)-most))
}

// Functions decides for Lambda: it is its Whims.
type Functions struct {
	Source *Source
	Lambda Lambda
}

// Refuse implements lambda.Whims.
func (f Functions) Refuse() bool { return f.Source.Hit("lambda.refused", f.Lambda.Refused) }

// Twice implements lambda.Whims.
func (f Functions) Twice() bool { return f.Source.Hit("lambda.twice", f.Lambda.Twice) }

// Cold implements lambda.Whims.
func (f Functions) Cold() bool { return f.Source.Hit("lambda.cold", f.Lambda.Cold) }
