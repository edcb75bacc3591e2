// Package hostile injects the faults that AWS's documentation allows and that
// emulators never show: it throttles in bursts, loses requests and responses, cuts
// connections, and decides for the engines when a fault of theirs happens (sqs.Faults, dynamodb.Faults,
// lambda.Faults). One seed determines
// all of it.
//
// It breaks no promise of AWS: the order and deduplication within a FIFO group,
// consistent reads, conditional writes, durability of acknowledged writes. Bursts
// end, so that retries succeed.
package hostile
