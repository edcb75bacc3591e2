//go:build unix

// Package e2e tests the program as its users run it: the built binary, real
// agents, real processes, real kills.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/errandhq/errand/test/errandbin"
)

// errandBin is the program under test.
var errandBin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "errand-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if errandBin, err = errandbin.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
