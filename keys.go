package errand

import "fmt"

// Keys of objects. Owner, job ID and hash hold no character that a key must escape.

// UploadKey is the key of an owner's archive with that SHA-256.
func UploadKey(owner, sha256 string) string { return "uploads/" + owner + "/" + sha256 }

// LogPrefix is where the chunks of an attempt's log are.
func LogPrefix(jobID string, attempt int) string { return fmt.Sprintf("logs/%s/%d/", jobID, attempt) }

// ArtifactPrefix is where an attempt may put artifacts.
func ArtifactPrefix(jobID string, attempt int) string {
	return fmt.Sprintf("artifacts/%s/%d/", jobID, attempt)
}

// LogChunkKey is the key of the chunk whose first payload byte is at offset:
// keys sort as offsets do.
func LogChunkKey(jobID string, attempt int, offset int64) string {
	return fmt.Sprintf("%s%020d", LogPrefix(jobID, attempt), offset)
}
