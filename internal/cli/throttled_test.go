package cli

import (
	"context"
	"log/slog"
	"testing"

	"github.com/errandhq/errand/localstack"
)

// TestStartWhileThrottled: a store that refuses for a while is no reason not to
// start.
func TestStartWhileThrottled(t *testing.T) {
	t.Parallel()
	hostile := &localstack.Hostile{Seed: 1}                   // whose first burst outlasts an SDK's attempts
	hostile.DynamoDB.Throttled, hostile.DynamoDB.Burst = 1, 8 // of each operation, from the first request on
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: t.TempDir()}
	s, err := startLocal(t.Context(), f, hostile, slog.New(slog.DiscardHandler))
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
