package stackcli

import (
	"io"
	"os"
	"testing"

	"github.com/errandhq/errand/internal/terminal"
)

// TestProfileFlags: a seed says that the profile is hostile, and each run has one.
func TestProfileFlags(t *testing.T) {
	t.Parallel()
	term := terminal.New(io.Discard, io.Discard, os.Getenv)
	for _, tt := range []struct {
		f    ProfileFlags
		seed uint64 // 0: no profile; 1: any
		ok   bool
	}{
		{ProfileFlags{Profile: "normal"}, 0, true},
		{ProfileFlags{Profile: "hostile", Seed: 7}, 7, true},
		{ProfileFlags{Profile: "hostile"}, 1, true},
		{ProfileFlags{Profile: "normal", Seed: 7}, 0, false},
		{ProfileFlags{Profile: "kind"}, 0, false},
	} {
		h, err := tt.f.Hostile(term)
		if (err == nil) != tt.ok || (h != nil) != (tt.seed > 0) {
			t.Errorf("%+v: %+v, %v", tt.f, h, err)
			continue
		}
		if h != nil && (h.Seed == 0 || tt.seed > 1 && h.Seed != tt.seed) {
			t.Errorf("%+v: seed %d", tt.f, h.Seed)
		}
	}
}
