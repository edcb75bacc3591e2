package httplimit

const (
	manyFiles      = 1 << 20
	minConnections = 16
	maxConnections = 4096
)

// DefaultConnections is a limit of connections that leaves descriptors for what the
// requests open, for a second server in the process, and for its own files: a quarter
// of the process's limit, at least 16 and at most 4,096.
func DefaultConnections() int { return min(max(OpenFiles()/4, minConnections), maxConnections) }
