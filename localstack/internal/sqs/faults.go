package sqs

import "time"

// Faults decides when the engine does what AWS permits itself and emulators
// rarely do. Each method is called under the queue's lock. None breaks what SQS
// promises: order within a group, deduplication, and that a message stays until
// it is deleted.
type Faults interface {
	// EmptyReceive reports whether a receive returns no messages although there
	// are some. A long poll goes on waiting.
	EmptyReceive() bool
	// SkipMessage reports whether a receive passes over this message; in a FIFO
	// queue, over its group.
	SkipMessage() bool
	// Duplicate reports whether a message of a standard queue is delivered and
	// stays visible.
	Duplicate() bool
	// DeliveryDelay is how long a message just sent to a standard queue can't
	// be received.
	DeliveryDelay() time.Duration
	// ApproximateCount is what an approximate count of n is reported as.
	ApproximateCount(n int) int
}

type noFaults struct{}

func (noFaults) EmptyReceive() bool           { return false }
func (noFaults) SkipMessage() bool            { return false }
func (noFaults) Duplicate() bool              { return false }
func (noFaults) DeliveryDelay() time.Duration { return 0 }
func (noFaults) ApproximateCount(n int) int   { return n }
