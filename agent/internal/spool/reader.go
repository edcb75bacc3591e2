package spool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// A Reader reads a log that another process writes, or wrote. It knows how far
// the log goes from SetEnd. It is safe for concurrent use.
type Reader struct {
	grown chan struct{}

	mu    sync.Mutex
	path  string
	files []*os.File // the last is read; those before may be in use
	end   Pos
}

// Open opens a log for reading, of which nothing is known yet.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &Reader{path: path, files: []*os.File{f}, grown: make(chan struct{}, 1)}, nil
}

// Continue reads another log from now on, which begins with all frames of this one.
func (r *Reader) Continue(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path == r.path {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	r.path, r.files = path, append(r.files, f)
	return nil
}

func (r *Reader) file() *os.File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[len(r.files)-1]
}

// SetEnd says how far the log goes.
func (r *Reader) SetEnd(end Pos) {
	r.mu.Lock()
	r.end = end
	r.mu.Unlock()
	select {
	case r.grown <- struct{}{}:
	default:
	}
}

// End returns the position after the last frame that is known of.
func (r *Reader) End() Pos {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end
}

// Grown returns a channel that has a value after a call of SetEnd.
func (r *Reader) Grown() <-chan struct{} { return r.grown }

// Close closes the log.
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files {
		f.Close()
	}
}

// Read returns the whole frames between two positions, as many as fit into limit
// bytes, and the position after them. Small frames that belong together are joined.
func (r *Reader) Read(from, to Pos, limit int) ([]byte, Pos, error) {
	b := make([]byte, min(int64(limit), to.File-from.File))
	if _, err := r.file().ReadAt(b, from.File); err != nil {
		return nil, from, fmt.Errorf("read the log: %w", err)
	}
	n, payload := wholeFrames(b)
	if n == 0 && len(b) > 0 {
		return nil, from, fmt.Errorf("read the log: %w at byte %d of the file", errand.ErrBadFrame, from.File)
	}
	return joinFrames(b[:n]), Pos{from.File + int64(n), from.Log + payload}, nil
}

// joinWithin is the time in which what a command writes to one stream makes one frame. A
// program that writes byte by byte would make thousands, each larger by its header.
const joinWithin = 50 * time.Millisecond

// joinFrames joins frames that follow each other closely. The same frames give the same
// bytes: a chunk may be sent twice.
func joinFrames(b []byte) []byte {
	frames, err := errand.ParseFrames(b)
	if err != nil {
		return b
	}
	joined := make([]byte, 0, len(b))
	var data []byte
	for i := 0; i < len(frames); {
		f := frames[i]
		data = append(data[:0], f.Data...)
		for i++; i < len(frames) && belongTogether(f, frames[i]) && len(data)+len(frames[i].Data) <= errand.MaxFrameBytes; i++ {
			data = append(data, frames[i].Data...)
		}
		f.Data = data
		joined = f.Append(joined)
	}
	return joined
}

func belongTogether(f, next errand.Frame) bool {
	return f.Stream == next.Stream && f.Command == next.Command && next.Elapsed-f.Elapsed < joinWithin
}

// IsLonger reports whether the file has more than what the log is said to be.
func (r *Reader) IsLonger(than Pos) bool {
	info, err := r.file().Stat()
	return err == nil && info.Size() > than.File
}

// scanBytes is read at once by Scan. It holds several of the longest frames.
const scanBytes = 1 << 20

// Scan sets the end of a log whose writer is gone: after the last whole frame. It
// returns the length and the hash of the payload.
func (r *Reader) Scan() (errand.Log, error) {
	sum := sha256.New()
	end, _, err := scan(r.file(), sum)
	if err != nil {
		return errand.Log{}, err
	}
	r.SetEnd(end)
	return errand.Log{Bytes: end.Log, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// scan returns the position after the last whole frame and that frame's elapsed time, and
// adds the payload to sum.
func scan(f *os.File, sum hash.Hash) (at Pos, elapsed time.Duration, err error) {
	info, err := f.Stat()
	if err != nil {
		return at, 0, fmt.Errorf("read the log: %w", err)
	}
	if info.Size() == 0 {
		return at, 0, nil
	}
	buf := make([]byte, min(scanBytes, info.Size()))
	for {
		n, err := f.ReadAt(buf, at.File)
		if err != nil && !errors.Is(err, io.EOF) {
			return at, 0, fmt.Errorf("read the log: %w", err)
		}
		whole, payload := wholeFrames(buf[:n])
		if whole == 0 {
			return at, elapsed, nil
		}
		frames, err := errand.ParseFrames(buf[:whole])
		if err != nil {
			return at, 0, fmt.Errorf("read the log: %w", err)
		}
		for _, f := range frames {
			sum.Write(f.Data)
			elapsed = f.Elapsed
		}
		at = Pos{at.File + int64(whole), at.Log + payload}
	}
}

// wholeFrames returns the length of the whole frames that b begins with, and of
// their payload.
func wholeFrames(b []byte) (n int, payload int64) {
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

// frameLength returns the payload's length from the frame header at b's start.
func frameLength(b []byte) (int, bool) {
	head, _, ok := bytes.Cut(b, []byte{'\n'})
	fields := bytes.Split(head, []byte{' '})
	if !ok || len(fields) != 5 {
		return 0, false
	}
	n, err := strconv.Atoi(string(fields[2]))
	return n, err == nil && n >= 0 && n <= errand.MaxFrameBytes
}
