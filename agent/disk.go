package agent

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// disk remembers whether the data directory may be unusable. A worker that can't
// write fails each job at once, and would soon have failed every job of a queue.
type disk struct {
	suspect    atomic.Bool
	workspaces atomic.Int64 // bytes of those that no job has
}

// awaitDisk returns at once unless a job failed with agent_error. Then it waits
// until the data directory can be written. Errors: the cause of ctx's end.
func (a *Agent) awaitDisk(ctx context.Context) error {
	for n := 1; a.disk.suspect.Load(); n++ {
		err := attemptdir.CheckWritable(a.DataDir)
		if err == nil {
			a.disk.suspect.Store(false)
			break
		}
		a.Log.Error("taking no jobs: the data directory can't be written", "try", n, "err", err)
		if err := a.backOff(ctx, n, 0); err != nil {
			return err
		}
	}
	return nil
}

// isDiskFault reports whether err is about this machine's disk.
func isDiskFault(err error) bool {
	return slices.ContainsFunc(diskFaults, func(e syscall.Errno) bool { return errors.Is(err, e) })
}

// cacheBytes is how much of the disk the worker can make free: see makeRoom.
func (a *Agent) cacheBytes() int64 {
	n := a.disk.workspaces.Load()
	if a.packs != nil {
		n += a.packs.Bytes()
	}
	return n
}
