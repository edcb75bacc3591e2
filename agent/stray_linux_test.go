package agent_test

import (
	"fmt"
	"os"
	"strings"
)

const strayKilled = true

// zombie reports whether a process has ended and hasn't been waited for.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}
