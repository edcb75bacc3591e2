package integration

import (
	"testing"

	"github.com/errandhq/errand/localstack"
)

// TestEmbedded is the suite over the embedded stack, in this process.
func TestEmbedded(t *testing.T) {
	stack, err := localstack.Start(t.Context(), localstack.Config{DataDir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	suite(t, stack.AWSConfig(), differs{})
}
