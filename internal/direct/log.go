package direct

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/logchunk"
)

// When a log is sent that someone watches, and how long its end may take: there is little
// time before the platform's deadline.
const (
	firstSend = 50 * time.Millisecond
	sendEvery = 500 * time.Millisecond
	lastSend  = 3 * time.Second
)

// runLog is the log of a run: its frames in the order in which they were written. Output is
// limited, so all of them are kept in memory.
type runLog struct {
	start time.Time

	mu     sync.Mutex
	frames []errand.Frame
	bytes  int64
	sum    hash.Hash
	sent   int // frames
	taken  int // frames that were sent, or are being sent
}

func newRunLog(start time.Time) *runLog { return &runLog{start: start, sum: sha256.New()} }

// write adds a part of a command's output, and joins it with the one before, if that is of
// the same stream and moment.
func (l *runLog) write(stream errand.Stream, command int, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Write(data)
	for len(data) > 0 {
		part := data[:min(len(data), errand.MaxFrameBytes)]
		data = data[len(part):]
		f := errand.Frame{Stream: stream, Offset: l.bytes, Elapsed: time.Since(l.start).Truncate(time.Millisecond), Command: command, Data: append([]byte(nil), part...)}
		l.bytes += int64(len(part))
		if last := len(l.frames) - 1; last >= l.taken && joins(l.frames[last], f) {
			l.frames[last].Data = append(l.frames[last].Data, part...)
			continue
		}
		l.frames = append(l.frames, f)
	}
}

func joins(a, b errand.Frame) bool {
	return a.Stream == b.Stream && a.Command == b.Command && b.Elapsed-a.Elapsed < 10*time.Millisecond && len(a.Data)+len(b.Data) <= errand.MaxFrameBytes
}

// follow sends the log while it grows, if someone watches it, until stop. That sends the
// rest, unless the result has room for it.
func (d Runner) follow(ctx context.Context, r errand.DirectRequest, l *runLog) (stop func()) {
	if r.Write == nil {
		return func() {}
	}
	client := cmp.Or(d.HTTP, http.DefaultClient)
	done := make(chan struct{})
	var sending sync.WaitGroup
	if r.Watched {
		sending.Go(func() {
			for wait := firstSend; !closed(done, wait); wait = sendEvery {
				_ = l.send(ctx, client, r.Write) // what doesn't arrive is sent again with the next
			}
		})
	}
	return func() {
		close(done)
		sending.Wait()
		if l.unsent() <= errand.LogTailBytes {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, lastSend)
		defer cancel()
		_ = l.send(ctx, client, r.Write) // else the log has a gap before its end
	}
}

// closed waits for done or a time, and reports whether it was done.
func closed(done <-chan struct{}, wait time.Duration) bool {
	due := time.NewTimer(wait)
	defer due.Stop()
	select {
	case <-done:
		return true
	case <-due.C:
		return false
	}
}

// unsent is how much of the log was not sent, in bytes.
func (l *runLog) unsent() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent == len(l.frames) {
		return 0
	}
	return l.bytes - l.frames[l.sent].Offset
}

// take returns the frames that were not sent as a chunk, and how many frames there are.
func (l *runLog) take() (chunk []byte, offset int64, upTo int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.frames[l.sent:] {
		if i == 0 {
			offset = f.Offset
		}
		chunk = f.Append(chunk)
	}
	l.taken = len(l.frames)
	return chunk, offset, l.taken
}

// send sends what was not sent, as a chunk. It has one caller at a time.
func (l *runLog) send(ctx context.Context, client *http.Client, g *errand.WriteGrant) error {
	chunk, offset, upTo := l.take()
	if len(chunk) == 0 {
		return nil
	}
	if err := logchunk.Post(ctx, client, *g, errand.LogChunkName(g.LogPrefix, offset), chunk); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = upTo
	return nil
}

// end is the log as a result has it. Frames that could not be sent and don't fit are missing.
func (l *runLog) end() errand.Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.frames)
	for first > l.sent && l.bytes-l.frames[first-1].Offset <= errand.LogTailBytes {
		first--
	}
	log := errand.Log{Bytes: l.bytes, SHA256: hex.EncodeToString(l.sum.Sum(nil)), TailOffset: l.bytes}
	for _, f := range l.frames[first:] {
		log.TailOffset = min(log.TailOffset, f.Offset)
		log.Tail = f.Append(log.Tail)
	}
	return log
}
