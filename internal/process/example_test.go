//go:build unix

package process_test

import (
	"context"
	"fmt"
	"os"

	"github.com/errandhq/errand/internal/process"
)

func ExampleProgram_Run() {
	p := process.Program{
		Argv: []string{"sh", "-c", "echo hello; exit 3"}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"},
		Stdout: os.Stdout, Stderr: os.Stderr,
	}
	exit, err := p.Run(context.Background())
	fmt.Println(exit.Code, err)
	// Output:
	// hello
	// 3 <nil>
}
