package hostile

import "time"

// A Profile has the probability of each fault, from 0 (never) to 1. The zero value
// injects none.
type Profile struct {
	// Seed makes a run repeatable, if its requests come in the same order.
	Seed uint64

	SQS      SQS
	DynamoDB DynamoDB
	S3       S3
	Lambda   Lambda
	API      RequestFaults // the HTTP API: throttled is 429, failed is 503
	Schedule Schedule
}

// RequestFaults are the faults of any request.
type RequestFaults struct {
	// Throttled is the probability that a burst begins, in which the operation is
	// throttled. It lasts for 1 to Burst requests (0: 1); then as many pass.
	Throttled float64
	Burst     int
	// Failed: the request has no effect, and the response is a 500 or 503.
	// FailedAfter: the same response, after the request took effect.
	Failed, FailedAfter float64
	// LostRequest: the connection ends before the request takes effect.
	LostRequest float64
	// LostAnswer: the connection ends after the request took effect.
	LostAnswer float64
}

// SQS are the faults of queues.
type SQS struct {
	RequestFaults
	// Empty: a short poll returns no messages although there are some.
	Empty float64
	// Passed: a receive skips a message, in a FIFO queue with its group. So groups
	// come in another order, and a message that was just sent isn't found yet.
	Passed float64
	// Duplicate: a message of a standard queue is delivered twice.
	Duplicate float64
	// Late: a message sent to a standard queue is delayed by up to LateMost.
	Late     float64
	LateMost time.Duration
	// Miscount: an approximate count is wrong.
	Miscount float64
}

// DynamoDB are the faults of tables.
type DynamoDB struct {
	RequestFaults
	// Stale: an eventually consistent read of a table returns the state of up to
	// StaleMost ago. IndexLag: the same for a global secondary index.
	Stale, IndexLag         float64
	StaleMost, IndexLagMost time.Duration
	// Conflict: a transaction is cancelled by another one. Single writes conflict,
	// too, in tables that transactions have used.
	Conflict float64
	// Partial: a batch leaves some of its items unprocessed.
	Partial float64
}

// S3 are the faults of buckets.
type S3 struct {
	RequestFaults
	// CutRequest and CutAnswer: the connection ends in the middle of a body.
	CutRequest, CutAnswer float64
}

// Lambda are the faults of functions.
type Lambda struct {
	RequestFaults
	// Refused: an invocation is throttled for lack of concurrency.
	Refused float64
	// Twice: an asynchronous invocation runs twice.
	Twice float64
	// Cold: an invocation is a cold start.
	Cold float64
}

// Schedule are the faults of schedules.
type Schedule struct {
	// Twice: an event is delivered twice. Late: it is up to LateMost late.
	Twice, Late float64
	LateMost    time.Duration
}

// Preset returns a profile in which about one request in ten fails, so that now and
// then all three attempts of an SDK fail, and later ones succeed.
func Preset(seed uint64) *Profile {
	faults := RequestFaults{Throttled: 0.02, Burst: 6, Failed: 0.015, FailedAfter: 0.01, LostRequest: 0.015, LostAnswer: 0.03}
	return &Profile{
		Seed: seed,
		SQS:  SQS{RequestFaults: faults, Empty: 0.15, Passed: 0.25, Duplicate: 0.15, Late: 0.2, LateMost: 2 * time.Second, Miscount: 0.3},
		DynamoDB: DynamoDB{
			RequestFaults: faults, Stale: 0.3, StaleMost: time.Second, IndexLag: 0.5, IndexLagMost: 3 * time.Second, Conflict: 0.1, Partial: 0.3,
		},
		S3:       S3{RequestFaults: faults, CutRequest: 0.03, CutAnswer: 0.03},
		Lambda:   Lambda{RequestFaults: faults, Refused: 0.005, Twice: 0.2, Cold: 0.05},
		API:      RequestFaults{Throttled: 0.005, Burst: 3, Failed: 0.01, FailedAfter: 0.01, LostRequest: 0.01, LostAnswer: 0.01},
		Schedule: Schedule{Twice: 0.2, Late: 0.2, LateMost: 10 * time.Second},
	}
}
