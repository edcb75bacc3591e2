package kv

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// The cache of a store's blocks takes memory as it is needed: an idle store has
// little of it.
const (
	// leastCache holds, of a million messages in 100,000 groups, the tables'
	// indexes; with 16 MiB their blocks were read and decompressed at most receives.
	leastCache = 64 << 20
	// mostCache holds a million small items: a block that isn't there is read from
	// the file system's cache and decompressed, which costs a query of ten items
	// more than all else that the engine does.
	mostCache = 512 << 20
	// cacheShare of the memory is the cache's. The garbage collector lets the heap,
	// in which it lies, grow to twice as much.
	cacheShare = 8
)

// cacheSize is how much the cache holds at most on a machine of that memory, in
// bytes; 0 stands for one that isn't known.
func cacheSize(memory int64) int64 {
	return min(max(memory/cacheShare, leastCache), mostCache)
}

// newCache makes the cache on a stack of its own: Pebble keeps the stack's trace,
// and to write that reads what the program has on each function there.
func newCache() *pebble.Cache {
	size := cacheSize(usableMemory())
	made := make(chan *pebble.Cache)
	go func() { made <- pebble.NewCache(size) }()
	return <-made
}

// usableMemory is what this process may use, in bytes: what the machine has, or
// less where a container or GOMEMLIMIT says so. 0: nobody knows.
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

// cgroupLimit is the number in a file, 0 for none: "max" is no limit, and on
// other systems than Linux there is no such file.
func cgroupLimit(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
