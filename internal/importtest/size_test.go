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

// TestNoSchemas: from v1.109.0 on the Lambda client makes a schema of each of its
// 90 operations while it is initialised, 0.7 MB on the heap to stay, at every
// start of errand and of the functions; one operation is called, Invoke. Where a
// later version is needed, it may be had for that.
func TestNoSchemas(t *testing.T) {
	if slices.Contains(dependencies(t, "cmd/errand"), "github.com/aws/aws-sdk-go-v2/service/lambda/schemas") {
		t.Error("service/lambda links its schemas: v1.108.0 was the last without")
	}
}

// TestPreludeComesFirst: with any other import it would wait for packages that
// come late, and those that it is to be before would be done.
func TestPreludeComesFirst(t *testing.T) {
	if imports := list(t)[module+"/internal/prelude"].Imports; !slices.Equal(imports, []string{"runtime"}) {
		t.Errorf("internal/prelude imports %v: it must be runtime alone", imports)
	}
}
