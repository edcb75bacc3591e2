//go:build unix

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/errandhq/errand"
)

// A failure to unpack is the worker's fault if the disk is full, and the job's if a
// name is taken.
func TestWhoseFaultItIs(t *testing.T) {
	for errno, want := range map[syscall.Errno]errand.Reason{
		syscall.ENOSPC: errand.ReasonAgentError, syscall.EDQUOT: errand.ReasonAgentError, syscall.EEXIST: errand.ReasonSetupFailed,
	} {
		at := &attempt{workCtx: context.Background(), reportCtx: context.Background()}
		err := at.setupFailed(fmt.Errorf("unpack: %w", &fs.PathError{Op: "write", Path: "x", Err: errno}))
		if got, text := at.reason(err); got != want {
			t.Errorf("%v: %s, %s; want %s", errno, got, text, want)
		}
		if !errors.Is(at.setupFailed(errno), errno) {
			t.Errorf("%v is lost", errno)
		}
	}
}
