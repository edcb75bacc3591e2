package control

import (
	"context"
	"errors"

	"github.com/errandhq/errand"
)

// CreateUpload returns where to send an archive, or that it has been uploaded
// already. Errors: CodeInvalidField, CodePayloadTooLarge.
func (s *Service) CreateUpload(ctx context.Context, c Caller, r errand.UploadRequest) (errand.Upload, error) {
	if err := r.Validate(); err != nil {
		return errand.Upload{}, err
	}
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
