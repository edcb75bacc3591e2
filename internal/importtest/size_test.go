package importtest

import (
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
	out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", module+"/"+program).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}
