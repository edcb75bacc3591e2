package errand

import (
	"context"
	"errors"
)

// CreateUpload says where to send an archive, or that its bytes are there
// already. Errors: CodeInvalidField, CodePayloadTooLarge.
func (s *Service) CreateUpload(ctx context.Context, c Caller, r UploadRequest) (Upload, error) {
	source := Source{SHA256: r.SHA256, Filename: r.Filename}
	if err := source.validate(); err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Field = e.Field[len("source."):]
		}
		return Upload{}, err
	}
	if r.Size < 1 {
		return Upload{}, invalid("size", "size must be the archive's length in bytes, at least 1")
	}
	if r.Size > MaxUploadBytes {
		return Upload{}, &Error{Code: CodePayloadTooLarge, Field: "size", Message: "an archive may have at most 5 GiB; leave build outputs out with .errandignore"}
	}
	key := UploadKey(c.Owner, r.SHA256)
	blob, err := s.Blobs.Stat(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Upload{}, unavailable("look for the upload", err)
	}
	if err == nil && s.reusable(blob, r.SHA256) && blob.Size == r.Size {
		return Upload{SHA256: r.SHA256, Exists: true}, nil
	}
	put, err := s.Blobs.SignPut(ctx, c.Origin, key, r.Size, r.SHA256)
	if err != nil {
		return Upload{}, unavailable("sign the upload", err)
	}
	return Upload{SHA256: r.SHA256, Put: &put}, nil
}
