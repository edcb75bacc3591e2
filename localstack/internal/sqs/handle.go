package sqs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A receipt names one receive of one message. Its handle is the same whenever
// it is asked for, which is what lets a receive be answered twice.
type receipt struct {
	seq   uint64
	count uint32 // the message's receive count
}

// handleVersion begins every handle. AWS's begin with AQEB too.
var handleVersion = []byte{1, 1}

const handleSize = 2 + 8 + 8 + 4 + 16

// handle seals a receipt with the queue's salt, so that a handle of another
// queue, or one that was made up, is told from ours.
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

// receiptOf reads a handle of this queue. Error: ReceiptHandleIsInvalid.
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
