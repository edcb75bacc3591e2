// Package spool keeps an attempt's log in a file on the worker: all frames, in
// the order in which they were written. The supervisor of the attempt writes it,
// the agent reads it and uploads it, so that unsent frames take no memory.
package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// Pos is a position between two frames.
type Pos struct {
	File int64 `json:"file"` // bytes of the file before it
	Log  int64 `json:"log"`  // bytes of payload before it
}

// A Spool is a growing log. It is safe for concurrent use.
type Spool struct {
	now   func() time.Time
	start time.Time
	grown chan struct{}

	mu  sync.Mutex
	f   *os.File
	end Pos
	sum hash.Hash // of the payload
	buf []byte
	err error // of the first failed write; nothing is written after it
}

// Create creates the file. The frames' elapsed times count from now on.
func Create(path string, now func() time.Time) (*Spool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the log: %w", err)
	}
	return &Spool{now: now, start: now(), grown: make(chan struct{}, 1), f: f, sum: sha256.New()}, nil
}

// Append opens a log to write on after its last whole frame, or creates it. Elapsed times
// go on from that frame's, which was written at last.
func Append(path string, last time.Time, now func() time.Time) (*Spool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	sum := sha256.New()
	end, elapsed, err := scan(f, sum)
	if err == nil {
		err = f.Truncate(end.File) // what a killed process wrote in part
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Spool{now: now, start: last.Add(-elapsed), grown: make(chan struct{}, 1), f: f, end: end, sum: sum}, nil
}

// Close closes the file.
func (s *Spool) Close() { s.f.Close() }

// Grown returns a channel that has a value after a write.
func (s *Spool) Grown() <-chan struct{} { return s.grown }

// Write appends data as frames of one stream of a command (-1 for no command).
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

// Writer returns a writer for one stream of a command.
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

// End returns the position after the last frame.
func (s *Spool) End() Pos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Log returns the length and the hash of the payload so far.
func (s *Spool) Log() errand.Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errand.Log{Bytes: s.end.Log, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
}
