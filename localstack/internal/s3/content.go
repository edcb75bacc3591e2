package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Range is a byte range, First to Last inclusive. First -1 is the Last bytes at the
// end; Last -1 is all from First.
type Range struct{ First, Last int64 }

// String returns r in the format of a Range header.
func (r Range) String() string {
	switch {
	case r.First < 0:
		return fmt.Sprintf("bytes=-%d", r.Last)
	case r.Last < 0:
		return fmt.Sprintf("bytes=%d-", r.First)
	}
	return fmt.Sprintf("bytes=%d-%d", r.First, r.Last)
}

// Span is the part of an object that a response has.
type Span struct {
	Start, Length int64
	Partial       bool // the answer is a 206
	Part, Parts   int  // the number, and how many, of an object asked for by part
}

// span resolves the range or part that in names.
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

// Content reads the bytes of a span, with one file open at a time. Where it reads all
// bytes of a part or of a checksum, it verifies them: if the disk has changed them, it returns
// ErrDamaged instead of the last bytes. HeadObject then gives no checksum of the object, so that
// its sender sends it again.
type Content struct {
	Span
	bodies   *bodies
	segments []segment
	file     io.ReaderAt // of pieces[0], nil if not yet open
	acquired []string
	verifier *checksumVerifier // of the pieces together; nil: none
}

// segment is the part of a body that is still to be read.
type segment struct {
	id          string
	data        []byte // of an inline part
	inline      bool
	offset, len int64
	verifier    *checksumVerifier // of this piece; nil: none
}

// content acquires the bodies that span covers. The caller holds the engine's lock.
func (e *Engine) content(o *Object, span Span) (*Content, error) {
	c := &Content{Span: span, bodies: e.bodies}
	composite := o.Checksum.Type == Composite
	if !composite && span.Length == o.Size && slices.ContainsFunc(o.Parts, func(p Part) bool { return p.CRC == "" }) {
		c.verifier = newChecksumVerifier(o.Checksum)
	}
	start, end := span.Start, span.Start+span.Length
	var at int64
	for _, p := range o.Parts {
		from, to := max(start, at), min(end, at+p.Size)
		if from < to {
			seg := segment{id: p.ID, inline: p.Inline, offset: from - at, len: to - from}
			switch {
			case seg.len < p.Size:
			case p.CRC != "":
				seg.verifier = newChecksumVerifier(Checksum{Algorithm: CRC64NVME, Value: p.CRC})
			case composite:
				seg.verifier = newChecksumVerifier(Checksum{Algorithm: o.Checksum.Algorithm, Value: p.Sum})
			}
			if err := e.acquireBody(c, &seg); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			c.segments = append(c.segments, seg)
		}
		at += p.Size
	}
	return c, nil
}

// acquireBody keeps the body of a segment readable until c is closed.
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
		c.bodies.damaged.Store(cur.id, true)
		err = fmt.Errorf("body %s is %d bytes short: %w", cur.id, cur.len, io.ErrUnexpectedEOF)
	}
	return n, err
}

// open opens the current segment.
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

// finish ends the current segment, of which n bytes were read last.
func (c *Content) finish(n int) (int, error) {
	cur := c.segments[0]
	err := errors.Join(cur.verifier.verify(cur.id), c.closeFile())
	if c.segments = c.segments[1:]; len(c.segments) == 0 {
		err = errors.Join(err, c.verifier.verify(cur.id))
	}
	if errors.As(err, new(*ErrDamaged)) {
		c.bodies.damaged.Store(cur.id, true)
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

// Close releases the bodies. Closing again does nothing.
func (c *Content) Close() error {
	err := c.closeFile()
	for _, id := range c.acquired {
		err = errors.Join(err, c.bodies.release(id))
	}
	c.acquired, c.segments = nil, nil
	return err
}

// SpanChecksum returns the checksum of exactly the bytes of a span, or zero: there is
// one for the whole object, and for each part if the object's checksum is composite.
func (o *Object) SpanChecksum(s Span) Checksum {
	if s.Part > 0 && o.Checksum.Type == Composite {
		return Checksum{Algorithm: o.Checksum.Algorithm, Value: o.Parts[s.Part-1].Sum, Type: Composite}
	}
	if s.Length != o.Size {
		return Checksum{}
	}
	return o.Checksum
}
