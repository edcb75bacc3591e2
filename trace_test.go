package errand_test

import (
	"testing"

	"github.com/errandhq/errand"
)

func TestValidTraceParent(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00": true,
		"": false,
		"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01":   false,
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":   false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":   false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":   false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n": false,
	} {
		if got := errand.ValidTraceParent(s); got != want {
			t.Errorf("ValidTraceParent(%q) = %v", s, got)
		}
	}
}
