package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCheapInit: what a package makes while it is initialised, every command
// waits for. A pattern, or a map of some hundred words, is made when it is first
// asked for: sync.OnceValue.
func TestCheapInit(t *testing.T) {
	const most = 16 << 10 // bytes on the heap
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	traced := regexp.MustCompile(`init (github\.com/errandhq/errand\S*) .* clock, (\d+) bytes`).FindAllStringSubmatch(stderr.String(), -1)
	if len(traced) < 5 {
		t.Fatalf("only %d packages of ours are initialised, if at all:\n%s", len(traced), stderr.String())
	}
	for _, m := range traced {
		if n, _ := strconv.Atoi(m[2]); n > most {
			t.Errorf("%s puts %d bytes on the heap while it is initialised, want ≤ %d", m[1], n, most)
		}
	}
}
