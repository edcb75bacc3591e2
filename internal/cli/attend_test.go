package cli

import (
	"context"
	"io"
	"testing"
)

// TestCancelOutlivesTheSecondCtrlC: the request to cancel is on its way when
// the second Ctrl-C comes, and isn't taken back by it.
func TestCancelOutlivesTheSecondCtrlC(t *testing.T) {
	fake := newFakeServer(t)
	a := &app{stdout: io.Discard, stderr: io.Discard}
	a.ui = newUI(io.Discard, io.Discard, func(string) string { return "" })
	second, interrupt := context.WithCancelCause(t.Context())
	interrupt(errInterrupted)
	a.cancelRun(second, newClient(fake.URL, fakeToken), "01JFAKE0000000000000000000")
	fake.mu.Lock()
	defer fake.mu.Unlock()
	if n := fake.calls["/api/jobs/cancel"]; n != 1 {
		t.Errorf("%d requests to cancel, want 1", n)
	}
}
