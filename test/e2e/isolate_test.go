//go:build unix

package e2e

import "testing"

// TestIsolated: what is true where the functions are values in the server's
// process is true where they are processes, frozen between invocations. make
// test-isolate runs all of this package so, with the compiled functions.
func TestIsolated(t *testing.T) {
	t.Setenv("ERRAND_E2E_FLAGS", "--isolate")
	for name, test := range map[string]func(*testing.T){
		"one job": TestOneJob, "live": TestLive, "lost answer": TestLostAnswer, "cancel": TestCancel, "direct": TestDirect,
		"access": TestAccess, "killed": TestServerKilled,
	} {
		t.Run(name, test)
	}
}
