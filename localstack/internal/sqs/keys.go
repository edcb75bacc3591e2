package sqs

import (
	"crypto/sha256"
	"encoding/binary"
)

// The keys of the store. Those of a queue begin with a kind and the queue's ID, so
// that a queue is deleted or purged by ranges. Numbers are big endian.
//
//	N                      ID of the newest queue
//	Q queue                queueRecord, JSON
//	G region 0 name        when a queue of that name was last deleted, ms
//	T task                 moveTask, JSON
//	S queue seq            stateRecord, and the bodyRecord if that is small
//	B queue seq            bodyRecord that isn't small
//	L queue                the last sequence number, if no S has it
//	R queue period hash    dedupRecord or attemptRecord
//
// A period is the number of the deduplication window since 1970 in which an R
// expires.
const (
	kindCounter = 'N'
	kindQueue   = 'Q'
	kindDeleted = 'G'
	kindTask    = 'T'
	kindLastSeq = 'L'
	kindState   = 'S'
	kindBody    = 'B'
	kindWindow  = 'R'
)

// messageKinds are the kinds that a purge deletes. L stays: sequence numbers must
// not repeat.
var messageKinds = []byte{kindState, kindBody, kindWindow}

func appendUint64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

func queueKey(kind byte, queue uint64) []byte {
	return appendUint64(append(make([]byte, 0, 9), kind), queue)
}

func messageKey(kind byte, queue, seq uint64) []byte {
	return appendUint64(appendUint64(append(make([]byte, 0, 17), kind), queue), seq)
}

// A hash stands for a deduplication ID or a receive attempt ID in a key.
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

func periodKey(queue, period uint64) []byte { return messageKey(kindWindow, queue, period) }

func windowKey(queue, period uint64, h hash) []byte {
	return append(appendUint64(appendUint64(append(make([]byte, 0, 17+len(h)), kindWindow), queue), period), h[:]...)
}

func deletedKey(region, name string) []byte {
	return append(append([]byte{kindDeleted}, region...), "\x00"+name...)
}
