package agent

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "abc€": "abc"} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q) = %q", in, got)
		}
	}
}

// An attempt that is added while the agent stops, such as one of an earlier process, ends
// as those before it do.
func TestAttemptAddedWhileStopping(t *testing.T) {
	t.Parallel()
	a, err := New(Config{Client: &api.Client{}, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a.Cancel()
	at := newAttempt(t.Context(), a, &slot{agent: a}, &errand.Assignment{JobID: "JOB"}, time.Time{})
	var cause error
	a.addAttempt(at, func() { cause = context.Cause(at.workCtx) }, func() {})
	a.running.Wait()
	if !errors.Is(cause, errStopped) {
		t.Errorf("the commands would end with %v", cause)
	}
}
