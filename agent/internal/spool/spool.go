// Package spool keeps an attempt's log on the worker: all frames, in a file, in
// the order in which they came. Uploads read it back, so that what isn't sent
// yet takes no memory.
package spool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// Pos is a place between two frames.
type Pos struct {
	File int64 `json:"file"` // bytes of the file before it
	Log  int64 `json:"log"`  // bytes of payload before it
}

// A Spool is a log that grows. Its methods may be called at the same time.
type Spool struct {
	now   func() time.Time
	start time.Time
	grown chan struct{}

	mu  sync.Mutex
	f   *os.File
	end Pos
	sum hash.Hash // of the payload
	buf []byte
	err error // the first failed write: what follows it would not be whole
}

// Create makes the file. Elapsed times of frames count from now on.
func Create(path string, now func() time.Time) (*Spool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	return &Spool{now: now, start: now(), grown: make(chan struct{}, 1), f: f, sum: sha256.New()}, nil
}

// Open opens the finished log of an earlier process, to be read.
func Open(path string) (*Spool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &Spool{f: f, grown: make(chan struct{}, 1), sum: sha256.New()}, nil
}

// Sync makes what was written survive a power cut.
func (s *Spool) Sync() error {
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("sync the log: %w", err)
	}
	return nil
}

// Close closes the file. Writes and reads fail from now on.
func (s *Spool) Close() { s.f.Close() }

// Grown has a value after a write.
func (s *Spool) Grown() <-chan struct{} { return s.grown }

// Write appends data as frames of one stream of a command (-1: none).
func (s *Spool) Write(stream errand.Stream, command int, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(data) > 0 && s.err == nil {
		n := min(len(data), errand.MaxFrameBytes)
		s.err = s.writeFrame(stream, command, data[:n])
		data = data[n:]
	}
	select {
	case s.grown <- struct{}{}:
	default:
	}
	return s.err
}

func (s *Spool) writeFrame(stream errand.Stream, command int, data []byte) error {
	f := errand.Frame{Stream: stream, Offset: s.end.Log, Elapsed: s.now().Sub(s.start), Command: command, Data: data}
	s.buf = f.Append(s.buf[:0])
	if _, err := s.f.WriteAt(s.buf, s.end.File); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	s.sum.Write(data)
	s.end.File += int64(len(s.buf))
	s.end.Log += int64(len(data))
	return nil
}

// Writer is an io.Writer for one stream of a command.
func (s *Spool) Writer(stream errand.Stream, command int) io.Writer {
	return writer{s, stream, command}
}

type writer struct {
	spool   *Spool
	stream  errand.Stream
	command int
}

func (w writer) Write(p []byte) (int, error) {
	if err := w.spool.Write(w.stream, w.command, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// End is the place behind the last frame.
func (s *Spool) End() Pos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Log is length and hash of the payload so far.
func (s *Spool) Log() errand.Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errand.Log{Bytes: s.end.Log, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
}

// Read reads the whole frames from one place on that are before another, as
// many as limit bytes hold, and says where they end.
func (s *Spool) Read(from, to Pos, limit int) ([]byte, Pos, error) {
	b := make([]byte, min(int64(limit), to.File-from.File))
	if _, err := s.f.ReadAt(b, from.File); err != nil {
		return nil, from, fmt.Errorf("read the log back: %w", err)
	}
	n, payload := whole(b)
	if n == 0 && len(b) > 0 {
		return nil, from, fmt.Errorf("read the log back: %w at byte %d of the file", errand.ErrBadFrame, from.File)
	}
	return b[:n], Pos{from.File + int64(n), from.Log + payload}, nil
}

// whole is the length of the whole frames that b begins with, and that of their payload.
func whole(b []byte) (n int, payload int64) {
	for {
		length, ok := frameLength(b[n:])
		if !ok {
			return n, payload
		}
		head := bytes.IndexByte(b[n:], '\n') + 1
		next := n + head + length + 1
		if next > len(b) {
			return n, payload
		}
		n, payload = next, payload+int64(length)
	}
}

// frameLength is the payload's length as the header that b begins with has it.
func frameLength(b []byte) (int, bool) {
	head, _, ok := bytes.Cut(b, []byte{'\n'})
	fields := bytes.Split(head, []byte{' '})
	if !ok || len(fields) != 5 {
		return 0, false
	}
	n, err := strconv.Atoi(string(fields[2]))
	return n, err == nil && n >= 0 && n <= errand.MaxFrameBytes
}
