//go:build !linux && !darwin

package kv

// machineMemory is 0: not known here.
func machineMemory() int64 { return 0 }
