package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/errandhq/errand/internal/wire"
	"github.com/errandhq/errand/localstack"
)

// TestStartWhileThrottled: a store that refuses for a while is no reason not to
// start.
func TestStartWhileThrottled(t *testing.T) {
	hostile := &localstack.Hostile{Seed: 1}                   // whose first burst outlasts an SDK's attempts
	hostile.DynamoDB.Throttled, hostile.DynamoDB.Burst = 1, 8 // of each operation, from the first request on
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: t.TempDir()}
	s, err := startLocal(t.Context(), wire.Plane{}, f, hostile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if n := s.stack.Hostility()["dynamodb.throttled"]; n == 0 {
		t.Error("nothing was throttled")
	}
	if err := s.close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestProfileFlags: a seed says that the profile is hostile, and each run has one.
func TestProfileFlags(t *testing.T) {
	u := newUI(io.Discard, io.Discard, os.Getenv)
	for _, tt := range []struct {
		f    profileFlags
		seed uint64 // 0: no profile; 1: any
		ok   bool
	}{
		{profileFlags{profile: "normal"}, 0, true},
		{profileFlags{profile: "hostile", seed: 7}, 7, true},
		{profileFlags{profile: "hostile"}, 1, true},
		{profileFlags{profile: "normal", seed: 7}, 0, false},
		{profileFlags{profile: "kind"}, 0, false},
	} {
		h, err := tt.f.hostile(u)
		if (err == nil) != tt.ok || (h != nil) != (tt.seed > 0) {
			t.Errorf("%+v: %+v, %v", tt.f, h, err)
			continue
		}
		if h != nil && (h.Seed == 0 || tt.seed > 1 && h.Seed != tt.seed) {
			t.Errorf("%+v: seed %d", tt.f, h.Seed)
		}
	}
}
