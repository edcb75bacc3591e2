//go:build !linux && !darwin

package manifest

import "io/fs"

const nonBlocking = 0

// changedAt is not known here.
func changedAt(fs.FileInfo) int64 { return 0 }

// hasOneName is not known here.
func hasOneName(fs.FileInfo) bool { return false }
