package onejob

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/errandhq/errand/test/errandbin"
)

// errandBin is the program: that of ERRAND_BIN, or built for the tests.
var errandBin string

// Commands of jobs are this test binary, re-executed with a role.
func TestMain(m *testing.M) {
	if role := os.Getenv("ONEJOB_ROLE"); role != "" {
		play(role)
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if errandBin = os.Getenv("ERRAND_BIN"); errandBin != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "onejob-*")
	if err == nil {
		defer os.RemoveAll(dir)
		errandBin, err = errandbin.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// play plays a command: a parent that starts a child and waits, or the child,
// which keeps a connection to the test as long as it lives.
func play(role string) {
	switch role {
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "ONEJOB_ROLE=child")
		if err := child.Start(); err != nil {
			panic(err)
		}
		time.Sleep(time.Hour)
	case "child":
		conn, err := net.Dial("tcp", os.Getenv("ONEJOB_ADDR"))
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		time.Sleep(time.Hour)
	case "go":
		if err := build(os.Args); err != nil {
			panic(err)
		}
	case "terminal":
		on := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
		fmt.Printf("stdin %v, stdout %v, stderr %v\n", on(os.Stdin), on(os.Stdout), on(os.Stderr))
	}
}

// folder makes a folder with files to send.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
