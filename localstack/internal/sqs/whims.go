package sqs

import "time"

// Whims are what AWS permits itself and this engine, left alone, never does.
// Each is asked where the liberty could be taken, under the queue's lock. None
// touches what SQS promises: order within a group, deduplication, that what was
// sent stays until it is deleted.
type Whims interface {
	// Empty: a receive that could have messages answers with none. A long poll
	// goes on, since it has the time.
	Empty() bool
	// Pass: a receive looks past this message; in a FIFO queue, past its group.
	Pass() bool
	// Twice: a message of a standard queue is given out and stays visible.
	Twice() bool
	// Late is how long a message just sent to a standard queue can't be seen.
	Late() time.Duration
	// Count is what an approximate count of n is told as.
	Count(n int) int
}

type noWhims struct{}

func (noWhims) Empty() bool         { return false }
func (noWhims) Pass() bool          { return false }
func (noWhims) Twice() bool         { return false }
func (noWhims) Late() time.Duration { return 0 }
func (noWhims) Count(n int) int     { return n }
