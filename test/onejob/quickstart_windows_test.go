package onejob

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuickstartBatch: quickstart.bat builds errand, in a folder with a space, and opens its menu: a
// project is made and run by an own server. The program "go" is this test binary, which
// copies the errand under test to where go would build it.
func TestQuickstartBatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a checkout")
	for _, name := range []string{"quickstart.bat", "goflags"} {
		copyFile(t, filepath.Join("..", "..", "scripts", name), filepath.Join(dir, "scripts", name))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(dir, "tools")
	copyFile(t, self, filepath.Join(tools, "go.exe"))

	cmd := exec.Command("cmd", "/c", filepath.Join("scripts", "quickstart.bat"), "project")
	cmd.Dir = dir
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !strings.HasPrefix(e, "ERRAND_") && !strings.EqualFold(name, "PATH") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+tools+";"+os.Getenv("PATH"), "ONEJOB_ROLE=go", "ONEJOB_ERRAND="+errandBin,
		"XDG_DATA_HOME="+t.TempDir(), "NO_COLOR=1")
	cmd.Stdin = strings.NewReader("1\n2\necho run on %OS%\nq\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, &out)
	}
	for _, want := range []string{"the project is in project", "run on Windows_NT", "with exit code 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "project", "words.txt")); err != nil {
		t.Error(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyTo(from, to); err != nil {
		t.Fatal(err)
	}
}

func copyTo(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err != nil {
		_ = out.Close() // the copy failed before
		return err
	}
	return out.Close()
}

// build plays "go build -o OUTPUT PACKAGE".
func build(args []string) error {
	if len(args) != 5 || args[1] != "build" || args[2] != "-o" || args[4] != `.\cmd\errand` || os.Getenv("CGO_ENABLED") != "0" || os.Getenv("GOFLAGS") == "" {
		return fmt.Errorf("go %q with CGO_ENABLED=%q, GOFLAGS=%q", args[1:], os.Getenv("CGO_ENABLED"), os.Getenv("GOFLAGS"))
	}
	if err := os.MkdirAll(filepath.Dir(args[3]), 0o755); err != nil {
		return err
	}
	return copyTo(os.Getenv("ONEJOB_ERRAND"), args[3])
}
