package agent

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// disk is whether the data directory can be relied on. A worker that can't
// write fails each job in no time, and would soon have failed all of a queue.
type disk struct{ doubtful atomic.Bool }

// doubt notes that a job failed by the worker's own fault, if it did.
func (d *disk) doubt(fault bool) {
	if fault {
		d.doubtful.Store(true)
	}
}

// diskTried waits, after a job that failed by the worker's own fault, until
// what a job needs of the disk works. Errors: the cause of ctx's end.
func (a *Agent) diskTried(ctx context.Context) error {
	for n := 1; a.disk.doubtful.Load(); n++ {
		err := attemptdir.Try(a.DataDir)
		if err == nil {
			a.disk.doubtful.Store(false)
			break
		}
		a.Log.Error("taking no work: the data directory can't be written", "try", n, "err", err)
		if err := a.pause(ctx, n, 0); err != nil {
			return err
		}
	}
	return nil
}

// diskFault reports whether err tells of this machine's disk, whatever was to
// be written there.
func diskFault(err error) bool {
	return slices.ContainsFunc(diskFaults, func(e syscall.Errno) bool { return errors.Is(err, e) })
}
