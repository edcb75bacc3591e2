package importtest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestLinkerDropsMethods: where a program calls methods by names that it
// computes, the linker keeps every exported method of every type, all
// operations of each AWS client among them: a third of errand, which is read
// and held in memory in part.
func TestLinkerDropsMethods(t *testing.T) {
	for _, program := range []string{"cmd/errand", "cmd/errand-stack"} {
		linked := dependencies(t, program)
		for _, by := range []string{"net/rpc", "html/template", "github.com/golang/protobuf/proto"} {
			if slices.Contains(linked, by) {
				t.Errorf("%s links %s", program, by)
			}
		}
	}
}

// dependencies are the packages that a program links, as make builds it.
func dependencies(t *testing.T, program string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", module+"/"+program)
	cmd.Env = append(os.Environ(), "GOFLAGS="+goflags(t))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// goflags are the flags in scripts/goflags.
func goflags(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../scripts/goflags")
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(b), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	return strings.TrimSpace(strings.Join(lines, " "))
}
