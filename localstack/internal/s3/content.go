package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Range is a byte range as asked for: First to Last, both included.
// First -1 asks for the Last bytes at the end; Last -1 for all from First.
type Range struct{ First, Last int64 }

// String is r as a Range header has it.
func (r Range) String() string {
	switch {
	case r.First < 0:
		return fmt.Sprintf("bytes=-%d", r.Last)
	case r.Last < 0:
		return fmt.Sprintf("bytes=%d-", r.First)
	}
	return fmt.Sprintf("bytes=%d-%d", r.First, r.Last)
}

// Span is where the bytes of an answer lie in the object.
type Span struct {
	Start, Length int64
	Partial       bool // the answer is a 206
	Part, Parts   int  // the number, and how many, of an object asked for by part
}

// span resolves what in asks for.
func (o *Object) span(in GetObjectInput) (Span, error) {
	switch {
	case in.PartNumber > 0:
		return o.partSpan(in.PartNumber)
	case in.Range == nil:
		return Span{Length: o.Size}, nil
	}
	first, last := in.Range.First, in.Range.Last
	if first < 0 {
		first, last = max(0, o.Size-last), o.Size-1
	} else if last < 0 || last >= o.Size {
		last = o.Size - 1
	}
	if first > last || in.Range.First < 0 && in.Range.Last == 0 {
		return Span{}, newError(416, "InvalidRange", "The requested range is not satisfiable", "ActualObjectSize", o.Size, "RangeRequested", in.Range.String())
	}
	return Span{Start: first, Length: last - first + 1, Partial: true}, nil
}

func (o *Object) partSpan(number int) (Span, error) {
	if number > len(o.Parts) {
		return Span{}, newError(416, "InvalidPartNumber", "The requested partnumber is not satisfiable", "PartNumberRequested", number, "ActualPartCount", len(o.Parts))
	}
	s := Span{Length: o.Parts[number-1].Size, Partial: true}
	if o.Multipart {
		s.Part, s.Parts = number, len(o.Parts)
	}
	for _, p := range o.Parts[:number-1] {
		s.Start += p.Size
	}
	return s, nil
}

// Content reads the bytes of a span, holding one file open at a time. Where it
// reads all that a checksum is of, it holds the bytes to it: of bytes that the
// disk has changed, the last are never given, so that nobody takes them for whole.
type Content struct {
	Span
	bodies   *bodies
	segments []segment
	file     io.ReaderAt // of pieces[0], nil if not yet open
	acquired []string
	verifier *checksumVerifier // of the pieces together; nil: none
}

// segment is a part of a body still to be read.
type segment struct {
	id          string
	data        []byte // of an inline part
	inline      bool
	offset, len int64
	verifier    *checksumVerifier // of this piece; nil: none
}

// content holds the bodies that span covers. The engine's lock is held.
func (e *Engine) content(o *Object, span Span) (*Content, error) {
	c := &Content{Span: span, bodies: e.bodies}
	composite := o.Checksum.Type == Composite
	if !composite && span.Length == o.Size {
		c.verifier = newChecksumVerifier(o.Checksum)
	}
	start, end := span.Start, span.Start+span.Length
	var at int64
	for _, p := range o.Parts {
		from, to := max(start, at), min(end, at+p.Size)
		if from < to {
			piece := segment{id: p.ID, inline: p.Inline, offset: from - at, len: to - from}
			if composite && piece.len == p.Size {
				piece.verifier = newChecksumVerifier(Checksum{Algorithm: o.Checksum.Algorithm, Value: p.Sum})
			}
			if err := e.acquireBody(c, &piece); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			c.segments = append(c.segments, piece)
		}
		at += p.Size
	}
	return c, nil
}

// acquireBody keeps a piece's bytes, or takes them along, until c is closed.
func (e *Engine) acquireBody(c *Content, p *segment) error {
	if !p.inline {
		e.bodies.acquire(p.id)
		c.acquired = append(c.acquired, p.id)
		return nil
	}
	data, ok, err := e.Keys.Get(inlineKey(p.id))
	if err == nil && (!ok || int64(len(data)) < p.offset+p.len) {
		err = fmt.Errorf("body %s is %d bytes, which is too short", p.id, len(data))
	}
	p.data = data
	return err
}

// Read implements io.Reader.
func (c *Content) Read(p []byte) (int, error) {
	if len(c.segments) == 0 {
		return 0, io.EOF
	}
	cur := &c.segments[0]
	if err := c.open(cur); err != nil {
		return 0, err
	}
	n, err := c.file.ReadAt(p[:min(int64(len(p)), cur.len)], cur.offset)
	cur.offset += int64(n)
	cur.len -= int64(n)
	cur.verifier.write(p[:n])
	c.verifier.write(p[:n])
	if cur.len == 0 {
		return c.finish(n)
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("body %s is %d bytes short: %w", cur.id, cur.len, io.ErrUnexpectedEOF)
	}
	return n, err
}

// open opens the piece at hand.
func (c *Content) open(p *segment) error {
	switch {
	case c.file != nil:
	case p.inline:
		c.file = bytes.NewReader(p.data)
	default:
		f, err := c.bodies.open(p.id)
		if err != nil {
			return err
		}
		c.file = f
	}
	return nil
}

// finish ends the piece at hand, of which n bytes were read last.
func (c *Content) finish(n int) (int, error) {
	cur := c.segments[0]
	err := errors.Join(cur.verifier.verify(cur.id), c.closeFile())
	if c.segments = c.segments[1:]; len(c.segments) == 0 {
		err = errors.Join(err, c.verifier.verify(cur.id))
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (c *Content) closeFile() error {
	f, ok := c.file.(io.Closer)
	c.file = nil
	if !ok {
		return nil
	}
	return f.Close()
}

// Close lets go of the bodies. Closing twice does nothing.
func (c *Content) Close() error {
	err := c.closeFile()
	for _, id := range c.acquired {
		err = errors.Join(err, c.bodies.release(id))
	}
	c.acquired, c.segments = nil, nil
	return err
}

// SpanChecksum is the checksum of the bytes of a span: of the whole, or of the
// one part of an object whose checksum is a composite one; else zero.
func (o *Object) SpanChecksum(s Span) Checksum {
	if s.Part > 0 && o.Checksum.Type == Composite {
		return Checksum{Algorithm: o.Checksum.Algorithm, Value: o.Parts[s.Part-1].Sum, Type: Composite}
	}
	if s.Length != o.Size {
		return Checksum{}
	}
	return o.Checksum
}
