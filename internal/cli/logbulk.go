package cli

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

const (
	// bulkBytes is how much of a log must be left to be read directly from the storage:
	// the server needs a list for that, which costs as much as a few pages.
	bulkBytes = 4 << 20
	// chunksAhead is how many chunks are read at a time.
	chunksAhead = 4
	// slowestBytes is how many bytes a second a chunk must come at.
	slowestBytes = 10_000
)

// A bulkReader reads the long log of an attempt that was reported directly from the
// storage, several chunks at a time. What it can't read is left to the pages of the API.
type bulkReader struct {
	client *api.Client
	off    bool // it got nothing the last time
}

// read passes on what is stored from at on, the end of the page, and returns where that
// ends. Errors: those of add, and of the context.
func (b *bulkReader) read(ctx context.Context, at api.LogPosition, page *api.LogPage, add func(api.LogFrame) error) (api.LogPosition, error) {
	for !b.off && page.Bytes != nil && *page.Bytes-at.Offset >= bulkBytes {
		before := at.Offset
		list, err := callOnce(ctx, 0, func(ctx context.Context) (api.LogPage, error) { return b.client.LogDownloads(ctx, at) })
		if err == nil {
			at, err = b.readChunks(ctx, list.Downloads, at, add)
		} else {
			err = context.Cause(ctx) // else the next page says what is wrong
		}
		if err != nil {
			return at, err
		}
		b.off = at.Offset == before
	}
	return at, nil
}

// readChunks passes on the frames of the chunks, up to the first chunk that can't be read
// or leaves a gap.
func (b *bulkReader) readChunks(ctx context.Context, chunks []api.LogDownload, at api.LogPosition, add func(api.LogFrame) error) (api.LogPosition, error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	bodies := make(chan chan []byte, chunksAhead-1)
	running.Go(func() {
		defer close(bodies)
		for i := range chunks {
			body := make(chan []byte, 1)
			select {
			case bodies <- body:
				running.Go(func() { body <- b.download(ctx, &chunks[i]) })
			case <-ctx.Done():
				return
			}
		}
	})
	for i := range chunks {
		if chunks[i].Offset > at.Offset {
			return at, nil // a gap
		}
		body, ok := <-bodies
		if !ok {
			return at, context.Cause(ctx)
		}
		end, whole, err := addChunk(<-body, at.Offset, add)
		at.Offset, at.Chunk = end, chunks[i].Offset
		if err != nil || !whole {
			return at, err
		}
		at.Chunk = end
	}
	return at, nil
}

// addChunk passes on the frames that end after next, and returns where they end. whole
// reports whether the chunk was read to its end.
func addChunk(body []byte, next int64, add func(api.LogFrame) error) (end int64, whole bool, err error) {
	frames, damage := errand.ParseFrames(body)
	for _, f := range frames {
		if f.End() <= next {
			continue
		}
		if f.Offset > next {
			return next, false, nil
		}
		data := f.Data[next-f.Offset:]
		if err := add(api.LogFrame{Stream: f.Stream.Name(), Offset: next, ElapsedMs: f.Elapsed.Milliseconds(), Command: f.Command, Data: data}); err != nil {
			return next, false, err
		}
		next = f.End()
	}
	return next, damage == nil && len(frames) > 0, nil
}

// download returns the chunk; nil if it can't be read.
func (b *bulkReader) download(ctx context.Context, d *api.LogDownload) []byte {
	size := min(max(d.Size, 0), errand.MaxLogChunkBytes)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+time.Duration(size)*time.Second/slowestBytes)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, d.Method, d.URL, nil)
	if err != nil {
		return nil
	}
	for name, value := range d.Header {
		req.Header.Set(name, value)
	}
	resp, err := b.client.HTTP.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body := make([]byte, size)
	if _, err := io.ReadFull(resp.Body, body); err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return body
}
