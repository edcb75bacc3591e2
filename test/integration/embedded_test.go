package integration

import (
	"fmt"
	"os"
	"testing"

	"github.com/errandhq/errand/internal/direct"
	"github.com/errandhq/errand/localstack"
)

// TestMain makes the function of direct mode of this program, where it is
// started as that.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "direct" {
		if err := direct.Main(os.Getenv); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestEmbedded is the suite over the embedded stack, in this process but for
// what functions fetch from it.
func TestEmbedded(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	stack, err := localstack.Start(t.Context(), localstack.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", Template: directTemplate, StackName: "it",
		Functions: map[string]localstack.FunctionCode{"direct": {Command: []string{self, "direct"}, OneShot: true}},
	})
	must(t, err)
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	suite(t, stack.AWSConfig(), differs{}, functions{direct: "it-direct"})
}
