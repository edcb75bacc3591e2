package hostile

import "time"

// A Profile is how often each hostility happens: probabilities from 0 (never)
// to 1. The zero value is no hostility at all.
type Profile struct {
	// Seed makes a run repeatable, as far as its requests come in the same order.
	Seed uint64

	SQS      SQS
	DynamoDB DynamoDB
	S3       S3
	Lambda   Lambda
	API      Wire // the HTTP API: throttled is 429, failed is 503
	Schedule Schedule
}

// Wire is what can happen to any request, whatever it asks for.
type Wire struct {
	// Throttled is how often a burst begins in which an operation is throttled;
	// it lasts for 1 to Burst requests (0: 1), and as many pass behind it.
	Throttled float64
	Burst     int
	// Failed: a 500 or 503 in place of the effect. FailedAfter: the same, and
	// the effect is there.
	Failed, FailedAfter float64
	// LostRequest: the connection ends before anything has been done.
	LostRequest float64
	// LostAnswer: the connection ends after all has been done.
	LostAnswer float64
}

// SQS is what queues do.
type SQS struct {
	Wire
	// Empty: a short poll is answered with no messages though some wait.
	Empty float64
	// Passed: a receive looks past a message, with its group in a FIFO queue:
	// so groups are shuffled, and what was just sent isn't there yet.
	Passed float64
	// Duplicate: a message of a standard queue is given out twice.
	Duplicate float64
	// Late: a message sent to a standard queue is hidden for up to LateMost.
	Late     float64
	LateMost time.Duration
	// Miscount: an approximate count is another number.
	Miscount float64
}

// DynamoDB is what tables do.
type DynamoDB struct {
	Wire
	// Stale: an eventually consistent read of a table shows what stood there up
	// to StaleMost ago. IndexLag: the same of a global secondary index.
	Stale, IndexLag         float64
	StaleMost, IndexLagMost time.Duration
	// Conflict: a transaction is cancelled by another; so are single writes, of
	// tables that know transactions.
	Conflict float64
	// Partial: a batch leaves some of its items unprocessed.
	Partial float64
}

// S3 is what buckets do.
type S3 struct {
	Wire
	// CutRequest and CutAnswer: the connection ends in the middle of a body.
	CutRequest, CutAnswer float64
}

// Lambda is what functions do.
type Lambda struct {
	Wire
	// Refused: there is no concurrency left for an invocation of any origin.
	Refused float64
	// Twice: an asynchronous invocation runs twice.
	Twice float64
	// Cold: a function starts anew.
	Cold float64
}

// Schedule is what schedules do.
type Schedule struct {
	// Twice: an event is delivered twice. Late: it comes up to LateMost later.
	Twice, Late float64
	LateMost    time.Duration
}

// Preset is a hostile day: about one request in ten doesn't go well, so that
// three tries of an SDK fail now and then, and who tries again gets through.
func Preset(seed uint64) *Profile {
	wire := Wire{Throttled: 0.02, Burst: 6, Failed: 0.015, FailedAfter: 0.01, LostRequest: 0.015, LostAnswer: 0.03}
	return &Profile{
		Seed: seed,
		SQS:  SQS{Wire: wire, Empty: 0.15, Passed: 0.25, Duplicate: 0.15, Late: 0.2, LateMost: 2 * time.Second, Miscount: 0.3},
		DynamoDB: DynamoDB{
			Wire: wire, Stale: 0.3, StaleMost: time.Second, IndexLag: 0.5, IndexLagMost: 3 * time.Second, Conflict: 0.1, Partial: 0.3,
		},
		S3:       S3{Wire: wire, CutRequest: 0.03, CutAnswer: 0.03},
		Lambda:   Lambda{Wire: wire, Refused: 0.005, Twice: 0.2, Cold: 0.05},
		API:      Wire{Throttled: 0.005, Burst: 3, Failed: 0.01, FailedAfter: 0.01, LostRequest: 0.01, LostAnswer: 0.01},
		Schedule: Schedule{Twice: 0.2, Late: 0.2, LateMost: 10 * time.Second},
	}
}
