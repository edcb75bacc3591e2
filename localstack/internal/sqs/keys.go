package sqs

import (
	"crypto/sha256"
	"encoding/binary"
)

// The keys of the store. Those of one queue begin with a kind and the queue's
// number, big endian, so that a queue is deleted or purged by range.
//
//	N                      the last queue number given out
//	Q queue                queueRecord, JSON
//	G region 0 name        when a queue of that name was last deleted, ms
//	T task                 moveTask, JSON
//	L queue                the last sequence number given out
//	S queue seq            stateRecord: what changes while a message lives
//	B queue seq            bodyRecord: what doesn't
//	D queue hash           dedupRecord
//	A queue hash           attemptRecord
//	X queue time kind hash when a D or an A is to be forgotten
const (
	kindCounter = 'N'
	kindQueue   = 'Q'
	kindGrave   = 'G'
	kindTask    = 'T'
	kindLast    = 'L'
	kindState   = 'S'
	kindBody    = 'B'
	kindDedup   = 'D'
	kindAttempt = 'A'
	kindExpiry  = 'X'
)

// messageKinds are the kinds that a purge removes; L stays, so that sequence
// numbers never come twice.
var messageKinds = []byte{kindState, kindBody, kindDedup, kindAttempt, kindExpiry}

func be64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

func queueKey(kind byte, queue uint64) []byte {
	return be64([]byte{kind}, queue)
}

func messageKey(kind byte, queue, seq uint64) []byte {
	return be64(be64(append(make([]byte, 0, 17), kind), queue), seq)
}

// A hash names a deduplication ID or an attempt ID in a key.
type hash [16]byte

func hashOf(parts ...string) (h hash) {
	s := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		s.Write(n[:])
		s.Write([]byte(p))
	}
	copy(h[:], s.Sum(nil))
	return h
}

func hashKey(kind byte, queue uint64, h hash) []byte {
	return append(queueKey(kind, queue), h[:]...)
}

func expiryKey(queue uint64, at int64, kind byte, h hash) []byte {
	return append(append(be64(queueKey(kindExpiry, queue), uint64(at)), kind), h[:]...)
}

func graveKey(region, name string) []byte {
	return append(append([]byte{kindGrave}, region...), "\x00"+name...)
}
