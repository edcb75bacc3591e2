package sqs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// bodyRecord is the part of a message that never changes.
type bodyRecord struct {
	ID         string
	Body       string
	Group      string
	DedupID    string
	Trace      string // AWSTraceHeader
	Attributes map[string]MessageAttributeValue
}

// stateRecord is the part of a message that changes, and its group, so that a
// start need not read large bodies. Times are milliseconds since 1970.
type stateRecord struct {
	Group             string
	Sent              int64
	VisibleAt         int64  // not to be received before; 0 is visible
	Received          int64  // the latest receive
	First             int64  // the first receive
	Count             uint32 // receives so far; also tells one receipt handle from another
	VisibilityChanged bool   // its visibility was changed since the latest receive
	Source            string // ARN of the queue it was dead-lettered from
	SeparateBody      bool   // the body has a record of its own
}

// maxInlineBody is the length of the longest bodyRecord that is stored with the
// state. It saves a key, but each receive rewrites it and each start reads it.
const maxInlineBody = 1 << 10

// dedupRecord is the result of a send, for its duplicates.
type dedupRecord struct {
	Expires int64
	Seq     uint64
	ID      string
}

// attemptRecord is the result of a receive, for its replays.
type attemptRecord struct {
	Expires  int64
	Messages []attemptMessage
}

type attemptMessage struct {
	Seq   uint64
	Count uint32
}

var errRecord = errors.New("damaged record")

const recordVersion = 1

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A recordReader decodes a record; after the first error it returns zero values.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *recordReader) err(what string) error {
	if r.bad {
		return fmt.Errorf("%s: %w", what, errRecord)
	}
	return nil
}

func (m *bodyRecord) encode() []byte {
	b := make([]byte, 0, len(m.Body)+len(m.Group)+len(m.DedupID)+64)
	b = append(b, recordVersion)
	for _, s := range []string{m.ID, m.Body, m.Group, m.DedupID, m.Trace} {
		b = appendString(b, s)
	}
	if len(m.Attributes) > 0 {
		attributes, _ := json.Marshal(m.Attributes) // never fails
		b = append(b, attributes...)
	}
	return b
}

func decodeBody(b []byte) (m bodyRecord, err error) {
	r := recordReader{b: b}
	if v := r.uint(); v != recordVersion {
		return m, fmt.Errorf("message of version %d: %w", v, errRecord)
	}
	for _, s := range []*string{&m.ID, &m.Body, &m.Group, &m.DedupID, &m.Trace} {
		*s = r.string()
	}
	if len(r.b) > 0 {
		if err := json.Unmarshal(r.b, &m.Attributes); err != nil {
			return m, fmt.Errorf("message attributes: %w", err)
		}
	}
	return m, r.err("message")
}

// encode returns the record, followed by inlineBody.
func (s *stateRecord) encode(inlineBody []byte) []byte {
	b := make([]byte, 0, 48+len(s.Group)+len(s.Source)+len(inlineBody))
	b = append(b, recordVersion)
	b = appendString(b, s.Group)
	for _, t := range []int64{s.Sent, s.VisibleAt, s.Received, s.First, int64(s.Count)} {
		b = binary.AppendUvarint(b, uint64(t))
	}
	flags := uint64(0)
	if s.VisibilityChanged {
		flags |= flagVisibilityChanged
	}
	if s.SeparateBody {
		flags |= flagSeparateBody
	}
	b = binary.AppendUvarint(b, flags)
	return append(appendString(b, s.Source), inlineBody...)
}

const (
	flagVisibilityChanged = 1 << iota
	flagSeparateBody
)

// decodeState returns the state and the body stored with it, if any.
func decodeState(b []byte) (s stateRecord, inlineBody []byte, err error) {
	r := recordReader{b: b}
	if v := r.uint(); v != recordVersion {
		return s, nil, fmt.Errorf("message state of version %d: %w", v, errRecord)
	}
	s.Group = r.string()
	for _, t := range []*int64{&s.Sent, &s.VisibleAt, &s.Received, &s.First} {
		*t = int64(r.uint())
	}
	s.Count = uint32(r.uint())
	flags := r.uint()
	s.VisibilityChanged = flags&flagVisibilityChanged != 0
	s.Source = r.string()
	s.SeparateBody = flags&flagSeparateBody != 0
	if !r.bad && !s.SeparateBody && len(r.b) == 0 {
		return s, nil, errors.New("a message was stored by a version of Errand before 0.1.0, which this version can't read: start with a new data directory")
	}
	return s, r.b, r.err("message state")
}

func (d *dedupRecord) encode() []byte {
	b := append(make([]byte, 0, 32+len(d.ID)), recordVersion)
	b = binary.AppendUvarint(b, uint64(d.Expires))
	return appendString(binary.AppendUvarint(b, d.Seq), d.ID)
}

func decodeDedup(b []byte) (d dedupRecord, err error) {
	r := recordReader{b: b}
	r.uint()
	d.Expires, d.Seq, d.ID = int64(r.uint()), r.uint(), r.string()
	return d, r.err("deduplication record")
}

func (a *attemptRecord) encode() []byte {
	b := binary.AppendUvarint([]byte{recordVersion}, uint64(a.Expires))
	for _, m := range a.Messages {
		b = binary.AppendUvarint(binary.AppendUvarint(b, m.Seq), uint64(m.Count))
	}
	return b
}

func decodeAttempt(b []byte) (a attemptRecord, err error) {
	r := recordReader{b: b}
	r.uint()
	a.Expires = int64(r.uint())
	for len(r.b) > 0 {
		a.Messages = append(a.Messages, attemptMessage{Seq: r.uint(), Count: uint32(r.uint())})
	}
	return a, r.err("attempt")
}
