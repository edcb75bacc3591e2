package e2e

import (
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/errandhq/errand"
)

// seconds are what cargo says it took.
var seconds = regexp.MustCompile(`in [0-9.]+s`)

// TestTerminalOfPrograms: programs write the same on a job's terminal as on that of
// script(1), but for the time that they took.
//
// https://man7.org/linux/man-pages/man1/script.1.html
func TestTerminalOfPrograms(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("there is no script(1) to compare with")
	}
	s, dir := local(t, "1"), t.TempDir()
	for name, content := range map[string]string{
		"package.json": `{"name": "example", "version": "1.2.3"}`, "Cargo.toml": "[package]\nname = \"example\"\nversion = \"1.2.3\"\n",
		"src/main.rs": "fn main() { let unused = 1; }\n", "run.sh": "#!/bin/sh\n", "notes": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const who = "-c user.name=A -c user.email=a@example.com "
	for name, command := range map[string]string{
		"python3": `python3 -c 'import os, sys
for i in range(0, 101, 20): print(f"\r\x1b[32m{i:3}% \x1b[0m" + "#" * (i // 5), end="")
print(); print(sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size(), file=sys.stderr)'`,
		"ls": "ls --color=auto",
		"git": "rm -rf .git && git init -q . && git add run.sh && GIT_COMMITTER_DATE=2020-01-01T00:00:00Z git " + who +
			"commit -q --date 2020-01-01T00:00:00Z -m first && git log --stat && git status --short && git diff --stat HEAD",
		"npm":   "npm --version && npm ls --progress=false",
		"cargo": "rm -rf target && cargo check --offline",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("there is no %s", name)
			}
			command = "cd " + dir + " && " + command
			id := s.submit("--terminal", "--no-source", "-c", command)
			if job := s.awaitJob(id, "over", ended); job.Status != errand.Completed {
				t.Fatalf("job %s: %s", job.Status, job.Error)
			}
			got := seconds.ReplaceAllString(s.output("logs", "--raw", id), "in T")
			want := seconds.ReplaceAllString(underScript(t, command), "in T")
			if got != want {
				t.Errorf("the job wrote\n%q\nscript has\n%q", got, want)
			}
			t.Logf("%d bytes, %d escape sequences", len(got), strings.Count(got, "\x1b"))
		})
	}
}

// underScript runs a command by script(1), with what jobs get of the environment, and
// returns what it writes.
func underScript(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "script", "-q", "-e", "-c", "exec 0</dev/null; "+command, "/dev/null")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=" + cmp.Or(os.Getenv("LANG"), "C.UTF-8"), "SHELL=/bin/sh",
		"TERM=xterm-256color", "PAGER=cat", "GIT_PAGER=cat", "GIT_TERMINAL_PROMPT=0", "PYTHONUNBUFFERED=1", "TMPDIR=" + t.TempDir(),
	}
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen, _ := io.ReadAll(f) // a terminal ends with an error
	if err := cmd.Wait(); err != nil {
		t.Errorf("script: %v", err)
	}
	return strings.ReplaceAll(string(seen), "\r\r\n", "\r\n") // two terminals, each with its own newline
}
