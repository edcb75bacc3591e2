// Package sqs is the embedded Simple Queue Service: FIFO and standard queues
// with AWS's semantics, limits and error texts, durable, and with a cost per
// operation that doesn't grow with the backlog. It knows no HTTP; sqswire
// speaks its two protocols.
//
// # What is kept where
//
// Messages live in the store. Memory holds, for each message, its sequence
// number (8 bytes); for each message group, a name and its place in a heap; and
// for each message in flight, its deadline. The deduplication window and the
// attempts of ReceiveRequestAttemptId live in the store alone.
//
// A sequence number is the millisecond of the send, shifted left by 20, or one
// more than the queue's last where that isn't more. So the order of the numbers
// is the order of the sends, and the age of a message can be read from it.
//
// In the store a send writes two keys, its message and its deduplication ID; a
// receive one, the message with its new state; a delete one. keys.go lists them.
//
// Each operation is one batch: the effect on the store is whole or absent. It is
// applied under the queue's lock and waited for outside, so that callers share
// an fsync; nothing is answered before it is on disk.
//
// # Order
//
// Within a group: as AWS does, strictly. Across groups AWS promises nothing;
// here a receive drains a group before it goes on with the next, and a group
// that was received from stands behind the others once it is available again,
// which is what was observed there. Config.OldestGroupFirst takes the available
// group with the lowest sequence number at its head instead. Standard queues
// deliver in order of sending, where delays and returns allow.
package sqs
