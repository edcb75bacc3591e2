// Package hostile does what AWS permits itself and emulators never do: it
// throttles in bursts, loses requests and answers, cuts connections, and decides
// for the engines where they may take a liberty (sqs.Faults, dynamodb.Faults,
// lambda.Faults). All of it comes from one seed.
//
// What AWS promises it leaves alone: the order within a FIFO group and its
// deduplication, consistent reads, conditional writes, and that what was
// acknowledged stays. Bursts end, so that who tries again gets through.
package hostile
