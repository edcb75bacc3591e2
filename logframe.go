package errand

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Stream is the origin of a frame of the log.
type Stream byte

// The streams. System lines are the agent's own: "$ make test".
const (
	Stdout Stream = 'o'
	Stderr Stream = 'e'
	System Stream = 's'
)

// Name is the stream's name in JSON.
func (s Stream) Name() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	case System:
		return "system"
	}
	return "unknown"
}

// Limits of the log.
const (
	MaxFrameBytes    = 64 << 10 // payload of one frame
	MaxLogTailRead   = 1 << 30  // bytes before a log's end at which a reader may begin
	MaxLogChunkBytes = 4 << 20  // one chunk object, frames and all: what the write policy allows
)

// A Frame is a part of an attempt's log: bytes that one command wrote to one stream. A
// chunk object, and the tail in a result, is a sequence of frames, each
//
//	stream SP offset SP length SP millis SP command LF payload LF
//
// with decimal numbers. Offsets count payload bytes over all streams from the
// attempt's beginning, so frames in order leave no gap.
type Frame struct {
	Stream  Stream
	Offset  int64         // of the payload's first byte in the log
	Elapsed time.Duration // since the attempt's start; whole milliseconds
	Command int           // index of the command, from 0; -1 for the agent's own lines between them
	Data    []byte        // ≤ MaxFrameBytes
}

// End is the offset of the first byte after the frame.
func (f Frame) End() int64 { return f.Offset + int64(len(f.Data)) }

// Append appends the frame's encoding to b.
func (f Frame) Append(b []byte) []byte {
	b = append(b, byte(f.Stream), ' ')
	b = strconv.AppendInt(b, f.Offset, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(f.Data)), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, f.Elapsed.Milliseconds(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(f.Command), 10)
	b = append(b, '\n')
	b = append(b, f.Data...)
	return append(b, '\n')
}

// ErrBadFrame is returned for bytes that are not complete frames.
var ErrBadFrame = errors.New("bad log frame")

// ParseFrames parses the frames of a chunk. It returns the frames before the first
// damage with the error. The payloads share b's memory.
func ParseFrames(b []byte) ([]Frame, error) {
	var frames []Frame
	for len(b) > 0 {
		f, rest, err := parseFrame(b)
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
		b = rest
	}
	return frames, nil
}

func parseFrame(b []byte) (f Frame, rest []byte, err error) {
	head, body, ok := bytes.Cut(b, []byte{'\n'})
	fields := bytes.Split(head, []byte{' '})
	if !ok || len(fields) != 5 || len(fields[0]) != 1 {
		return f, nil, fmt.Errorf("%w: header %q", ErrBadFrame, head[:min(len(head), 60)])
	}
	var n [4]int64
	for i, field := range fields[1:] {
		if n[i], err = strconv.ParseInt(string(field), 10, 64); err != nil {
			return f, nil, fmt.Errorf("%w: %w", ErrBadFrame, err)
		}
	}
	length := n[1]
	if n[0] < 0 || length < 0 || length > MaxFrameBytes || int64(len(body)) <= length || body[length] != '\n' {
		return f, nil, fmt.Errorf("%w: %d bytes at offset %d are not whole", ErrBadFrame, length, n[0])
	}
	f = Frame{
		Stream: Stream(fields[0][0]), Offset: n[0], Elapsed: time.Duration(n[2]) * time.Millisecond,
		Command: int(n[3]), Data: body[:length:length],
	}
	return f, body[length+1:], nil
}
