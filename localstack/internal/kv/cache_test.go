package kv

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestCacheSize(t *testing.T) {
	const mib = 1 << 20
	for memory, want := range map[int64]int64{
		0:           64 * mib, // not known
		256 * mib:   64 * mib,
		1024 * mib:  128 * mib,
		4096 * mib:  512 * mib,
		65536 * mib: 512 * mib,
	} {
		if got := cacheSize(memory); got != want {
			t.Errorf("of %d MiB: %d MiB, want %d", memory/mib, got/mib, want/mib)
		}
	}
}

// TestUsableMemory: a limit below what the machine has counts.
func TestUsableMemory(t *testing.T) {
	if machine := machineMemory(); machine == 0 && (runtime.GOOS == "linux" || runtime.GOOS == "darwin") {
		t.Error("the machine's memory isn't known")
	}
	const limit = 300 << 20
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(limit))
	if got := usableMemory(); got <= 0 || got > limit {
		t.Errorf("%d bytes, of which %d may be used", got, int64(limit))
	}
}

func TestCgroupLimit(t *testing.T) {
	for text, want := range map[string]int64{"max\n": 0, "536870912\n": 512 << 20, "": 0} {
		path := filepath.Join(t.TempDir(), "memory.max")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := cgroupLimit(path); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := cgroupLimit(filepath.Join(t.TempDir(), "absent")); got != 0 {
		t.Errorf("no file: %d", got)
	}
}
