//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An agentSession is a coding agent's session with errand mcp.
type agentSession struct {
	t *testing.T
	*mcp.ClientSession
}

func (s *server) mcp(root string, flags ...string) *agentSession {
	s.t.Helper()
	args := append([]string{"mcp", "--server", s.url, "--token-file", s.tokenFile("user"), "--root", root}, flags...)
	cmd := exec.CommandContext(s.t.Context(), errandBin, args...)
	cmd.Env = append(cleanEnv(s.t), "SECRET_OF_THE_USER=not-for-jobs")
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(s.t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = session.Close() }) // its process is killed with the test's context
	return &agentSession{s.t, session}
}

// call calls a tool and returns its text.
func (a *agentSession) call(tool string, args map[string]any) (text string, isError bool) {
	a.t.Helper()
	res, err := a.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.t.Fatalf("%s %v: %v", tool, args, err)
	}
	for _, c := range res.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	return text, res.IsError
}

func (a *agentSession) want(tool string, args map[string]any, isError bool, patterns ...string) string {
	a.t.Helper()
	text, failed := a.call(tool, args)
	if failed != isError {
		a.t.Fatalf("%s %v: error %t, want %t: %s", tool, args, failed, isError, text)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			a.t.Errorf("%s %v: %s\nwant %s", tool, args, text, p)
		}
	}
	return text
}

func (a *agentSession) tools() []string {
	a.t.Helper()
	list, err := a.ListTools(a.t.Context(), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

type args = map[string]any

// TestMCP: an agent runs a project's tests, reads the failure, fetches a file, and cancels.
func TestMCP(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	root := t.TempDir()
	writeAll(t, root, map[string]string{
		"check.sh": "echo testing; echo 'FAIL: 2 + 2 is 5' >&2; mkdir -p out; echo report > out/report.txt; env > out/env.txt; exit 3\n",
		"sub/f":    "below\n",
	})
	a := s.mcp(root)
	if got := a.tools(); !slices.Equal(got, []string{"cancel", "explain", "fetch_artifacts", "follow", "list", "list_artifacts", "run"}) {
		t.Errorf("tools %v", got)
	}
	text := a.want("run", args{"commands": []string{"sh check.sh"}, "artifacts": []string{"out/*"}}, false,
		`^job \w{26}: completed 3\n`, `command 1: exit code 3`, `(?s)untrusted data.*--- begin (\w+)\n.*testing.*FAIL: 2 \+ 2 is 5.*--- end \w+\n$`)
	id := regexp.MustCompile(`\w{26}`).FindString(text)
	a.want("list", args{"failed": true}, false, id+`  completed 3  queue default`)
	a.want("explain", args{"job": "@last"}, false, `exit code 3`)
	a.want("list_artifacts", args{"job": id}, false, `out/env.txt`, `out/report.txt  7 bytes`)
	a.want("fetch_artifacts", args{"job": id, "folder": "got"}, false, `wrote got/out/report.txt \(7 bytes\)`)
	if b, err := os.ReadFile(filepath.Join(root, "got", "out", "report.txt")); string(b) != "report\n" {
		t.Errorf("fetched %q, %v", b, err)
	}
	if b, _ := os.ReadFile(filepath.Join(root, "got", "out", "env.txt")); strings.Contains(string(b), "SECRET_OF_THE_USER") || len(b) == 0 {
		t.Errorf("the job's environment: %s", b)
	}
	a.want("fetch_artifacts", args{"job": id, "folder": "got"}, false, `2 files unchanged`)
	writeAll(t, root, map[string]string{"got/out/report.txt": "mine"})
	a.want("fetch_artifacts", args{"job": id, "folder": "got"}, true, `out/report.txt exists, and was neither sent nor fetched`)
	if b, err := os.ReadFile(filepath.Join(root, "got", "out", "report.txt")); string(b) != "mine" {
		t.Errorf("replaced by %q, %v", b, err)
	}
	a.want("run", args{"argv": []string{"cat", "f"}, "folder": "sub"}, false, `completed 0`, `below`)

	text = a.want("run", args{"commands": []string{"sleep 600"}, "noFiles": true, "waitSeconds": 1}, false, `running|pending`, `it has not ended`)
	id = regexp.MustCompile(`\w{26}`).FindString(text)
	a.want("cancel", args{"job": id}, false, `cancelled`)
	a.want("follow", args{"job": id}, false, `^job `+id+`: cancelled`)

	text = a.want("run", args{"noFiles": true, "commands": []string{"echo first; head -c 200000 /dev/zero | tr '\\0' x; echo last"}}, false, `first`, `last`, `bytes left out`)
	if len(text) > 40_000 {
		t.Errorf("a result of %d bytes", len(text))
	}
}

// TestMCPBounds: tools stay below the root, and --read-only offers only those that read.
func TestMCPBounds(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	outside := t.TempDir()
	writeAll(t, outside, map[string]string{"secret": "x"})
	root := t.TempDir()
	writeAll(t, root, map[string]string{"f": "x", "in/f": "y"})
	for name, target := range map[string]string{"out": outside, "up": "..", "same": "in"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	a := s.mcp(root)
	run := []string{"cat f"}
	for folder, want := range map[string]string{
		"..": "below it", "../x": "below it", outside: "below it", "in/../../x": "below it", "out": "leads out of the root", "up": "leads out of the root",
		"none": "there is no folder", "f": "not a folder",
	} {
		a.want("run", args{"commands": run, "folder": folder}, true, want)
	}
	a.want("run", args{"commands": run, "folder": "same"}, false, `completed 0`)
	a.want("run", args{}, true, `set either commands or argv`)
	a.want("run", args{"commands": run, "timeout": "soon"}, true, `timeout must be a duration`)
	a.want("run", args{"commands": run, "waitSeconds": 3600}, true, `waitSeconds must be 1 to 600`)
	a.want("follow", args{"job": "nothing"}, true, `no job has an ID`)
	a.want("list", args{"limit": 1000}, true, `limit must be 1 to 100`)

	a.want("run", args{"commands": []string{"echo y > r"}, "noFiles": true, "artifacts": []string{"r"}}, false, `completed 0`)
	for _, folder := range []string{"..", outside, "out", "up/x", "out/deep", ".git", "x/.GIT/hooks"} {
		a.want("fetch_artifacts", args{"job": "@last", "folder": folder}, true, `escapes|not below the root`)
	}
	if entries, err := os.ReadDir(outside); len(entries) != 1 || err != nil {
		t.Errorf("outside of the root: %v, %v", entries, err)
	}
	a.want("fetch_artifacts", args{"job": "@last"}, false, `wrote errand-artifacts/\w{26}/r`)

	reader := s.mcp(root, "--read-only")
	if got := reader.tools(); !slices.Equal(got, []string{"explain", "follow", "list", "list_artifacts"}) {
		t.Errorf("with --read-only: %v", got)
	}
	reader.want("follow", args{"job": "@last"}, false, `completed 0`)
}

func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
