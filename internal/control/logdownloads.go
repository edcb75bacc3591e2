package control

import (
	"context"
	"errors"
	"sync"

	"github.com/errandhq/errand"
)

// maxLogDownloads is how many downloads a page has at most. On AWS a signed URL takes
// about 2 KB, and an answer of Lambda at most 6 MB.
const maxLogDownloads = 500

// A LogDownload is a stored chunk of a log: frames, as errand.ParseFrames reads them.
type LogDownload struct {
	Offset int64 // of its first byte in the log
	Size   int64 // of the object, with the frames' headers
	errand.SignedRequest
}

// addLogDownloads adds the chunks that hold what the reported attempt's log has from
// page.Next on. One list costs as much as twelve GETs, and spares a call of the API for
// each half a megabyte.
func (s *Service) addLogDownloads(ctx context.Context, c Caller, st errand.StateRecord, page *LogPage) error {
	res, err := s.result(ctx, st, page.Attempt)
	if err != nil || res == nil || page.Next >= res.Log.TailOffset {
		return err
	}
	chunks, err := s.listFrom(ctx, st.JobID, page.Attempt, page.Next)
	if err != nil {
		return err
	}
	keys := make([]string, min(len(chunks), maxLogDownloads))
	page.Downloads = make([]LogDownload, len(keys))
	for i := range keys {
		keys[i] = chunks[i].Key
		page.Downloads[i] = LogDownload{Offset: chunkOffset(chunks[i].Key), Size: chunks[i].Size}
	}
	return signEach(len(keys), func(i int) (err error) {
		page.Downloads[i].SignedRequest, err = s.Blobs.SignGet(ctx, c.Origin, keys[i], "")
		return err
	})
}

// listFrom lists the chunks of a log from the one on that holds the byte at offset; none
// if it isn't there.
func (s *Service) listFrom(ctx context.Context, jobID string, attempt int, offset int64) ([]Blob, error) {
	prefix := errand.LogPrefix(jobID, attempt)
	after := prefix
	if first := offset - errand.MaxLogChunkBytes; first > 0 {
		after = errand.LogChunkKey(jobID, attempt, first-1)
	}
	listed, err := s.Blobs.List(ctx, prefix, after)
	if err != nil {
		return nil, unavailable("list the log", err)
	}
	var chunks []Blob
	for _, b := range listed {
		switch at := chunkOffset(b.Key); {
		case at == notAChunk:
		case at <= offset:
			chunks = append(chunks[:0], b)
		case len(chunks) > 0:
			chunks = append(chunks, b)
		}
	}
	return chunks, nil
}

// signers is how many requests are signed at a time.
const signers = 4

// signEach calls sign for 0 to n-1. Errors: CodeUnavailable.
func signEach(n int, sign func(i int) error) error {
	errs := make([]error, signers)
	var running sync.WaitGroup
	for first := range signers {
		running.Go(func() {
			for i := first; i < n && errs[first] == nil; i += signers {
				errs[first] = sign(i)
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return unavailable("sign the addresses of stored files", err)
	}
	return nil
}
