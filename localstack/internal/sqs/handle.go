package sqs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A receipt identifies one receive of one message. Its handle is always the
// same, so that a receive can be replayed.
type receipt struct {
	seq   uint64
	count uint32 // the message's receive count
}

// handleVersion begins every handle. AWS's begin with AQEB too.
var handleVersion = []byte{1, 1}

const handleSize = 2 + 8 + 8 + 4 + 16

// handle signs a receipt with the queue's salt, so that handles of other queues
// and invented ones are refused.
func (q *queue) handle(r receipt) string {
	b := append(make([]byte, 0, handleSize), handleVersion...)
	b = appendUint64(appendUint64(b, q.id), r.seq)
	b = binary.BigEndian.AppendUint32(b, r.count)
	return base64.StdEncoding.EncodeToString(append(b, q.signature(b)...))
}

func (q *queue) signature(b []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{}, q.rec.Salt...), b...))
	return sum[:16]
}

// parseHandle checks and reads a handle. Error: ReceiptHandleIsInvalid.
func (q *queue) parseHandle(handle string) (receipt, error) {
	if handle == "" {
		return receipt{}, errMissing("ReceiptHandle")
	}
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || len(b) != handleSize || !bytes.Equal(b[:2], handleVersion) ||
		!bytes.Equal(q.signature(b[:handleSize-16]), b[handleSize-16:]) {
		return receipt{}, errHandle(handle)
	}
	return receipt{
		seq:   binary.BigEndian.Uint64(b[10:]),
		count: binary.BigEndian.Uint32(b[18:]),
	}, nil
}
