package cli

import (
	"testing"

	"github.com/errandhq/errand"
)

func TestCommandExit(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]errand.CommandResult{
		"0": {}, "3": {ExitCode: 3}, "137 (killed)": {ExitCode: 137, Signal: "killed"}, "not started": {ExitCode: -1},
	} {
		if got := commandExit(&r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}
