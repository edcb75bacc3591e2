// Package dynamodb is an embedded DynamoDB: the engine. Package dynamodbwire
// puts it on the wire.
//
// Operations: CreateTable, DescribeTable, UpdateTable (throughput, billing mode,
// global indexes with backfill), DeleteTable, ListTables, UpdateTimeToLive,
// DescribeTimeToLive, TagResource, UntagResource, ListTagsOfResource, PutItem, GetItem, UpdateItem,
// DeleteItem, Query, Scan (parallel segments too), BatchGetItem,
// BatchWriteItem, TransactWriteItems, TransactGetItems. Expressions are those
// of package expr; the older parameters (Expected, AttributeUpdates,
// KeyConditions, QueryFilter, ScanFilter, AttributesToGet) work too.
// Tables have local and global secondary indexes, sparse, of every projection.
//
// What isn't there: PartiQL, streams, backups, global tables, export and import,
// resource policies, keys of several attributes, ARNs as table names. The wire
// code refuses absent operations by name, with UnknownOperationException.
//
// An answer to a write means that it is on disk, with its index entries, in one
// atomic batch of the store; and no read shows what isn't on disk yet. Writes of
// one item follow each other; those under way at once share their fsyncs.
//
// It differs from AWS where that is kinder: indexes are never behind, tables
// are active at once, nothing is throttled, transactions wait for each other
// instead of failing with TransactionConflict, a batch write is atomic, item
// collections may be larger than 10 GB, all work waits while an index of a full
// table is made. Config.Faults makes reads stale where AWS lets them be.
// Items past their TTL stay readable until the next pass, a minute at most.
package dynamodb
