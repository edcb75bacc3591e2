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
//	S queue seq            stateRecord: what changes while a message lives; behind it a small bodyRecord
//	B queue seq            bodyRecord: what doesn't, if it is larger
//	L queue                the last sequence number given out, if no S has it
//	R queue term hash      dedupRecord or attemptRecord: what is remembered for a window
//
// A term is the number, big endian, of the window since 1970 in which an R
// expires, so that those which have are removed by range.
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

// messageKinds are the kinds that a purge removes; L stays, so that sequence
// numbers never come twice.
var messageKinds = []byte{kindState, kindBody, kindWindow}

func appendUint64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

func queueKey(kind byte, queue uint64) []byte {
	return appendUint64(append(make([]byte, 0, 9), kind), queue)
}

func messageKey(kind byte, queue, seq uint64) []byte {
	return appendUint64(appendUint64(append(make([]byte, 0, 17), kind), queue), seq)
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

func periodKey(queue, term uint64) []byte { return messageKey(kindWindow, queue, term) }

func windowKey(queue, term uint64, h hash) []byte {
	return append(appendUint64(appendUint64(append(make([]byte, 0, 17+len(h)), kindWindow), queue), term), h[:]...)
}

func deletedKey(region, name string) []byte {
	return append(append([]byte{kindDeleted}, region...), "\x00"+name...)
}
