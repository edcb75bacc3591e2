// Package sqs is the embedded Simple Queue Service: FIFO and standard queues
// with AWS's semantics, limits and error texts. It is durable, and the cost of an
// operation doesn't grow with the number of messages. Package sqswire serves it
// over HTTP.
//
// # Memory and store
//
// Messages are in the store. Memory has the sequence number of each message
// (8 bytes), the name and state of each message group, and the deadline of each
// message in flight. Deduplication IDs and receive attempts are in the store only.
//
// A sequence number is the time of the send in milliseconds, shifted left by 20
// bits, or the last number of the queue plus 1 if that is more. So sequence
// numbers have the order of the sends and tell the age of a message.
//
// A send to a FIFO queue writes two keys, the message and its deduplication ID. A
// receive writes one, the message with its new state, and a delete deletes one.
// The keys are listed in keys.go.
//
// An operation is one batch of the store, applied as a whole or not at all. The
// batch is applied under the queue's lock, but the operation waits for the disk
// after it has released the lock, so that concurrent operations share an fsync.
// No operation returns before its batch is on disk.
//
// # Order
//
// Within a message group, messages are received in the order of their sends. AWS
// promises no order across groups. Here a receive takes all messages of a group
// before it goes on to the next, and a group that was received from goes behind
// the others when it is available again, as was observed on AWS;
// Config.OldestGroupFirst takes the group with the oldest first message instead.
// Standard queues deliver in the order of the sends, as far as delays and
// visibility timeouts allow.
package sqs
