//go:build unix

package supervisor

import (
	"slices"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("TMPDIR", "/somewhere/else")
	t.Setenv("SECRET", "x")
	if got := environment(); !slices.Contains(got, "TMPDIR=/somewhere/else") || slices.Contains(got, "SECRET=x") {
		t.Errorf("%q", got)
	}
}
