package control

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/errandhq/errand"
)

// chunkReader adds the frames of an attempt's chunks to a page. A chunk is named by the
// offset of its first byte, so the one that follows a chunk is known by name. A list costs
// as much as twelve GETs, and is needed only where a reader begins in the middle of a log.
type chunkReader struct {
	*Service
	jobID string
	page  *LogPage
	end   int64 // of the log in chunks, or MaxInt64
	size  int   // of the frames that were added
}

// fill adds the frames from page.Next on, until the page is full, or the next chunk isn't
// there. more reports whether there may be another page now: this one is full, or a chunk
// could not be read. over says that no chunk will come any more.
func (c *chunkReader) fill(ctx context.Context, over bool) (more bool, err error) {
	known := c.page.Chunk > 0 || c.page.Next == 0
	if known {
		if more, err = c.followNames(ctx); more || err != nil {
			return more, err
		}
	}
	// At the end, a list finds what has other names: an agent that lost its notes begins
	// the log anew.
	if (known && !over) || c.page.Next >= c.end {
		return false, nil
	}
	return c.followList(ctx, over)
}

// followNames reads the chunk page.Chunk and those behind it.
func (c *chunkReader) followNames(ctx context.Context) (more bool, err error) {
	for c.page.Next < c.end {
		end, err := c.add(ctx, c.page.Chunk)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return c.failed(err)
		}
		stuck := end == c.page.Chunk || c.page.Next < end // it is empty or damaged, if the page isn't full
		c.pass(end)
		if full := c.size >= logPageBytes; full || stuck {
			return full, nil
		}
	}
	return false, nil
}

// pass notes the end of a chunk that has been read, unless the page is full before it.
func (c *chunkReader) pass(end int64) {
	if c.page.Next >= end {
		c.page.Chunk = end
	}
}

// failed is the end of a page that an error cuts short: what there is goes out, and the
// next page asks for the rest.
func (c *chunkReader) failed(err error) (more bool, _ error) {
	if len(c.page.Frames) > 0 {
		return true, nil
	}
	return false, err
}

// followList lists the chunks from the one that holds page.Next on, and reads them until
// there is a gap. While the log grows, a short list counts as the last one: the next
// request sees the rest.
func (c *chunkReader) followList(ctx context.Context, over bool) (more bool, err error) {
	// The chunk that holds the first byte may begin up to a chunk's length before.
	prefix := errand.LogPrefix(c.jobID, c.page.Attempt)
	after := prefix
	if first := c.page.Next - errand.MaxLogChunkBytes; first > 0 {
		after = errand.LogChunkKey(c.jobID, c.page.Attempt, first-1)
	}
	for {
		chunks, err := c.Blobs.List(ctx, prefix, after)
		if err != nil {
			return c.failed(unavailable("list the log", err))
		}
		if len(chunks) == 0 {
			return false, nil
		}
		after = chunks[len(chunks)-1].Key
		if more, last, err := c.addListed(ctx, chunks); more || last || err != nil {
			return more, err
		}
		if !over && len(chunks) < listSize {
			return false, nil
		}
	}
}

// addListed adds listed chunks. last says that the page ends with them.
func (c *chunkReader) addListed(ctx context.Context, chunks []Blob) (more, last bool, err error) {
	for i, chunk := range chunks {
		at := chunkOffset(chunk.Key)
		switch {
		case at == notAChunk, i+1 < len(chunks) && chunkOffset(chunks[i+1].Key) <= c.page.Next:
			continue
		case at > c.page.Next:
			return false, true, nil // a gap: the chunk before isn't here yet
		}
		end, err := c.add(ctx, at)
		if err != nil && !errors.Is(err, ErrNotFound) {
			more, err = c.failed(err)
			return more, true, err
		}
		c.page.Chunk = at
		c.pass(end)
		if c.size >= logPageBytes {
			return true, true, nil
		}
	}
	return false, false, nil
}

// add adds the frames of a chunk that the page lacks, and returns where the chunk ends: at
// its beginning, if it has none. Errors: ErrNotFound.
func (c *chunkReader) add(ctx context.Context, at int64) (end int64, err error) {
	key := errand.LogChunkKey(c.jobID, c.page.Attempt, at)
	b, err := c.readObject(ctx, key, errand.MaxLogChunkBytes)
	if errors.Is(err, ErrNotFound) {
		return at, err
	}
	if err != nil {
		return at, unavailable("read the log", err)
	}
	frames, err := errand.ParseFrames(b)
	if err != nil {
		c.Log.WarnContext(ctx, "damaged log chunk", "key", key, "err", err)
	}
	before := c.page.Next
	c.page.add(frames)
	c.size += int(c.page.Next - before)
	if len(frames) == 0 {
		return at, nil
	}
	return frames[len(frames)-1].End(), nil
}

// notAChunk is the offset of an object that is no chunk: beyond any log.
const notAChunk = math.MaxInt64

// chunkOffset is the offset in a chunk's key, or notAChunk.
func chunkOffset(key string) int64 {
	n, err := strconv.ParseInt(key[strings.LastIndexByte(key, '/')+1:], 10, 64)
	if err != nil {
		return notAChunk
	}
	return n
}
