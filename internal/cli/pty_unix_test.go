//go:build unix

package cli

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/errandhq/errand/test/ptytest"
)

// scriptPTY is "pty COLUMNSxROWS FILE CODE ARG…": errand ARG… exits with CODE on a terminal
// of that size, and FILE is what it wrote there. ESC is "^[" in it.
func scriptPTY(ts *testscript.TestScript, _ bool, args []string) {
	columns, rows, _ := strings.Cut(args[0], "x")
	c, err1 := strconv.ParseUint(columns, 10, 16)
	r, err2 := strconv.ParseUint(rows, 10, 16)
	ts.Check(errors.Join(err1, err2))
	self, err := os.Executable()
	ts.Check(err)
	cmd := exec.Command(self, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "ERRAND_SERVER", "ERRAND_TOKEN", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "NO_COLOR", "EDITOR", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "TERM=xterm", asErrand+"=1")
	seen, code, err := ptytest.Screen{Columns: uint16(c), Rows: uint16(r)}.Run(cmd)
	ts.Check(err)
	text := strings.NewReplacer("\r\n", "\n", "\x1b", "^[").Replace(string(seen))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
	if got := strconv.Itoa(code); got != args[2] {
		ts.Fatalf("exit code %s, want %s\n%s", got, args[2], text)
	}
}
