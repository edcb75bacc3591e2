package kv

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// The size of the block cache. It is allocated as needed: an idle store uses
// little of it.
const (
	// minCache holds the indexes of the tables of a million messages in 100,000
	// groups; with 16 MiB most receives read and decompressed an index block.
	minCache = 64 << 20
	// maxCache holds a million small items. Reading and decompressing a block that
	// isn't cached costs a query of ten items more than the rest of its work.
	maxCache = 512 << 20
	// The cache takes a cacheShare-th of the memory. It lies in Go's heap, which
	// the garbage collector lets grow to twice as much.
	cacheShare = 8
)

// cacheSize returns the cache's maximum size on a machine with that memory, in
// bytes; 0 means that the memory isn't known.
func cacheSize(memory int64) int64 {
	return min(max(memory/cacheShare, minCache), maxCache)
}

// usableMemory returns the memory that this process may use, in bytes: the
// machine's, or the limit of a container or GOMEMLIMIT. 0: it isn't known.
func usableMemory() int64 {
	memory := machineMemory()
	for _, limit := range []int64{
		cgroupLimit("/sys/fs/cgroup/memory.max"),                   // version 2
		cgroupLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes"), // version 1
		debug.SetMemoryLimit(-1),
	} {
		if limit > 0 && limit < math.MaxInt64 && (memory == 0 || limit < memory) {
			memory = limit
		}
	}
	return memory
}

// cgroupLimit returns the number in a file; 0 if there is none ("max", or no such
// file, as on systems other than Linux).
func cgroupLimit(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
