package errand

import (
	"errors"
	"fmt"
)

// UploadRequest names an archive that is to be sent.
type UploadRequest struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// Validate checks r. Errors: CodeInvalidField, CodePayloadTooLarge.
func (r *UploadRequest) Validate() error {
	switch {
	case !hashRE.MatchString(r.SHA256):
		return InvalidField("sha256", "sha256 must be 64 lower-case hexadecimal digits")
	case r.Size < 1:
		return InvalidField("size", "size must be the archive's length in bytes, at least 1")
	case r.Size > MaxUploadBytes:
		return &Error{Code: CodePayloadTooLarge, Field: "size", Message: "an archive is limited to 5 GiB; exclude build outputs with .errandignore"}
	}
	return validateText("filename", r.Filename, MaxFilenameRunes)
}

// Upload says how to send it, or that it is there.
type Upload struct {
	SHA256 string         `json:"sha256"`
	Exists bool           `json:"exists"`
	Put    *SignedRequest `json:"put,omitempty"` // unless Exists
}

// UploadBatch names uploads that are to be sent.
type UploadBatch struct {
	Uploads []UploadRequest `json:"uploads"`
}

// Validate checks b. Errors: CodeInvalidField, CodePayloadTooLarge.
func (b *UploadBatch) Validate() error {
	if n := len(b.Uploads); n == 0 || n > MaxPacks {
		return InvalidField("uploads", "uploads must have 1 to %d entries, not %d", MaxPacks, n)
	}
	for i := range b.Uploads {
		var e *Error
		if err := b.Uploads[i].Validate(); errors.As(err, &e) {
			e.Field = fmt.Sprintf("uploads[%d].%s", i, e.Field)
			return e
		}
	}
	return nil
}

// Uploads are the answers to an UploadBatch, in its order.
type Uploads struct {
	Uploads []Upload `json:"uploads"`
}

// Keys of objects. Owner, job ID and hash hold no character that a key must escape.

// UploadKey is the key of an owner's archive with that SHA-256.
func UploadKey(owner, sha256 string) string { return "uploads/" + owner + "/" + sha256 }

// LogPrefix is where the chunks of an attempt's log are.
func LogPrefix(jobID string, attempt int) string { return fmt.Sprintf("logs/%s/%d/", jobID, attempt) }

// ArtifactPrefix is where the contents are that an attempt gave back, by their SHA-256.
func ArtifactPrefix(jobID string, attempt int) string {
	return fmt.Sprintf("artifacts/%s/%d/", jobID, attempt)
}

// LogChunkKey is the key of the chunk whose first payload byte is at offset:
// keys sort as offsets do.
func LogChunkKey(jobID string, attempt int, offset int64) string {
	return LogChunkName(LogPrefix(jobID, attempt), offset)
}

// LogChunkName is LogChunkKey for the prefix of an attempt's log, as LogPrefix returns it.
func LogChunkName(prefix string, offset int64) string { return fmt.Sprintf("%s%020d", prefix, offset) }
