// Package dynamodb is the engine of the embedded DynamoDB; package dynamodbwire
// is its protocol.
//
// It has the operations on tables (with local and global secondary indexes, sparse
// and of every projection), tags and TTL; on items, by expressions (package expr)
// and by legacy parameters (Expected, AttributeUpdates, KeyConditions, QueryFilter,
// ScanFilter, AttributesToGet); batches and transactions. It has no PartiQL,
// streams, backups, global tables, export and import, or resource policies.
//
// When a write returns, it is on disk with its index entries, in one atomic batch
// of the store. No read returns what isn't on disk yet. Writes of one item are
// serialised; concurrent writes share their fsyncs.
package dynamodb

// BUG(dynamodb): Global secondary indexes are never behind, unless Config.Faults
// is set; tables are ACTIVE at once; nothing is throttled.

// BUG(dynamodb): A transaction waits for another one on the same items; on AWS it
// may fail with TransactionConflictException.

// BUG(dynamodb): BatchWriteItem is atomic as a whole; on AWS only each of its
// writes is.

// BUG(dynamodb): Item collections of more than 10 GB are accepted; AWS fails with
// ItemCollectionSizeLimitExceededException.

// BUG(dynamodb): While UpdateTable fills a new index, every other operation waits.

// BUG(dynamodb): SSESpecification, OnDemandThroughput and WarmThroughput are checked and
// described, and have no effect.
