package flow

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/localstack"
)

// ERRAND_ISOLATE names a directory of compiled functions, NAME/bootstrap. With it
// deploy's functions are those, as processes behind the Lambda Runtime API, and
// the tests of the deployed API run as they do in process. make test-isolate
// does so. A process has the machine's clock and makes its own calls: tests that
// move the clock, or stand between a function and AWS, are skipped, and say so.

func isolated() bool { return os.Getenv("ERRAND_ISOLATE") != "" }

// skipIsolated skips a test whose functions must be in this process.
func (o *deployOptions) skipIsolated(t *testing.T) {
	t.Helper()
	if o.inProcess {
		inProcessOnly(t, "its functions live in synctest's bubble")
	}
	if o.manual {
		inProcessOnly(t, "it moves the functions' clock")
	}
	if o.wrap != nil {
		inProcessOnly(t, "it changes what a function's calls of AWS do")
	}
}

// inProcessOnly skips a test where functions are processes, for a reason.
func inProcessOnly(t *testing.T, why string) {
	t.Helper()
	if isolated() {
		t.Skipf("in process only: %s", why)
	}
}

// bubble is synctest.Test for a deployed API.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	inProcessOnly(t, "its functions live in synctest's bubble")
	synctest.Test(t, f)
}

// isolate makes processes of the functions, if they are to be.
func isolate(t *testing.T, c *localstack.Config) {
	t.Helper()
	if !isolated() {
		return
	}
	for _, name := range append(functionNames(), "direct") {
		program, err := filepath.Abs(filepath.Join(os.Getenv("ERRAND_ISOLATE"), name, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		c.Functions[name] = localstack.FunctionCode{Command: []string{program}, Credentials: true}
	}
	direct := c.Functions["direct"]
	direct.OneShot, direct.Credentials, direct.Path = true, false, os.Getenv("PATH")
	c.Functions["direct"] = direct
	c.Addr = "127.0.0.1:0" // where they reach the stack
}
