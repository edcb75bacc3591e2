//go:build unix

package ptytest

import (
	"os/exec"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	seen, code, err := Screen{Columns: 80, Rows: 24}.Run(exec.Command("sh", "-c", `stty size; printf last; exit 3`))
	if string(seen) != "24 80\r\nlast" || code != 3 || err != nil {
		t.Errorf("%q, %d, %v", seen, code, err)
	}
	screen := Screen{Columns: 80, Rows: 24, Text: "ready", Keys: "\x03"}
	seen, code, err = screen.Run(exec.Command("sh", "-c", `trap 'printf last; exit 4' INT; printf ready; while :; do sleep 0.1; done`))
	if string(seen) != "ready^Clast" || code != 4 || err != nil {
		t.Errorf("Ctrl-C: %q, %d, %v", seen, code, err)
	}
	if _, _, err := (Screen{Columns: 80, Rows: 24}).Run(exec.Command("sh", "-c", `kill -9 $PPID`)); err == nil {
		t.Error("a terminal that was hung up is no error")
	}
}
