package control

import (
	"context"
	"errors"
	"sync"

	"github.com/errandhq/errand"
)

// blobRequests is how many objects a request looks for at a time.
const blobRequests = 16

// CreateUpload returns where to send an archive, or that it has been uploaded
// already. Errors: CodeInvalidField, CodePayloadTooLarge.
func (s *Service) CreateUpload(ctx context.Context, c Caller, r errand.UploadRequest) (errand.Upload, error) {
	if err := r.Validate(); err != nil {
		return errand.Upload{}, err
	}
	return s.createUpload(ctx, c, r)
}

// CreateUploads is CreateUpload for several at once. It says nothing of uploads of
// another owner.
func (s *Service) CreateUploads(ctx context.Context, c Caller, b errand.UploadBatch) (errand.Uploads, error) {
	if err := b.Validate(); err != nil {
		return errand.Uploads{}, err
	}
	out := errand.Uploads{Uploads: make([]errand.Upload, len(b.Uploads))}
	err := each(len(b.Uploads), func(i int) (err error) {
		out.Uploads[i], err = s.createUpload(ctx, c, b.Uploads[i])
		return err
	})
	return out, err
}

func (s *Service) createUpload(ctx context.Context, c Caller, r errand.UploadRequest) (errand.Upload, error) {
	key := errand.UploadKey(c.Owner, r.SHA256)
	blob, err := s.Blobs.Stat(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return errand.Upload{}, unavailable("look for the upload", err)
	}
	if err == nil && s.reusable(blob, r.SHA256) && blob.Size == r.Size {
		return errand.Upload{SHA256: r.SHA256, Exists: true}, nil
	}
	put, err := s.Blobs.SignPut(ctx, c.Origin, key, r.Size, r.SHA256)
	if err != nil {
		return errand.Upload{}, unavailable("sign the upload", err)
	}
	return errand.Upload{SHA256: r.SHA256, Put: &put}, nil
}

// each calls do for 0 to n-1, some at a time, and returns the error of the lowest.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(n, blobRequests) {
		workers.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
