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
	for _, program := range []string{"cmd/errand", "infra/stack"} {
		out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", module+"/"+program).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		linked := strings.Fields(string(out))
		for _, by := range []string{"net/rpc", "html/template", "github.com/golang/protobuf/proto"} {
			if slices.Contains(linked, by) {
				t.Errorf("%s links %s", program, by)
			}
		}
	}
}

// TestPreludeComesFirst: with any other import it would wait for packages that
// come late, and those that it is to be before would be done.
func TestPreludeComesFirst(t *testing.T) {
	if imports := list(t)[module+"/internal/prelude"].Imports; !slices.Equal(imports, []string{"runtime"}) {
		t.Errorf("internal/prelude imports %v: it must be runtime alone", imports)
	}
}
