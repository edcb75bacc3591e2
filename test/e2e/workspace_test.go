//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// build compiles as make does: what is older than its source.
const build = `for s in *.c; do o=${s%.c}.o; if ! test -e $o || test $s -nt $o; then echo "compile $s"; cp $s $o; fi; done`

// TestWorkspaceBuildsOnlyWhatChanged, as a local build does; and errand prune removes the
// workspace.
func TestWorkspaceBuildsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"a.c": "a1\n", "b.c": "b1\n", "gone.c": "g\n"})
	run := func(flags ...string) (out, log string) {
		t.Helper()
		p := s.errand(append(append([]string{"run", dir}, flags...), "-c", build, "-c", "cat a.o b.o; ls *.c | tr '\\n' ' '")...)
		if code := p.wait(); code != 0 {
			t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr)
		}
		return p.stdout.String(), p.stderr.String()
	}
	all := "compile a.c\ncompile b.c\ncompile gone.c\na1\nb1\na.c b.c gone.c "
	name := "workspace " + filepath.Base(dir)
	if out, log := run("--keep-workspace"); out != all || !strings.Contains(log, name+": new") {
		t.Errorf("first: %q\n%s", out, log)
	}
	if out, log := run("--keep-workspace"); out != "a1\nb1\na.c b.c gone.c " || !strings.Contains(log, name+": kept") {
		t.Errorf("unchanged: %q\n%s", out, log)
	}
	long := time.Now().Add(-24 * time.Hour) // older than what was made of the file before
	if err := os.WriteFile(filepath.Join(dir, "b.c"), []byte("b2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "b.c"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "gone.c")); err != nil {
		t.Fatal(err)
	}
	if out, _ := run("--keep-workspace"); out != "compile b.c\na1\nb2\na.c b.c " {
		t.Errorf("a changed file and one less: %q", out)
	}
	if out, _ := run("--keep-workspace=other"); out != "compile a.c\ncompile b.c\na1\nb2\na.c b.c " {
		t.Errorf("another name: %q", out)
	}
	if out, log := run("--keep-workspace", "--clean"); out != "compile a.c\ncompile b.c\na1\nb2\na.c b.c " || !strings.Contains(log, name+": new") {
		t.Errorf("clean: %q\n%s", out, log)
	}
	if out, _ := run(); !strings.HasPrefix(out, "compile a.c") {
		t.Errorf("without a workspace: %q", out)
	}
	if k := s.pruned(errand.StoredWorkspaces, "--workspace-days", "0"); k.RemovedItems != 2 || k.RemovedBytes == 0 {
		t.Errorf("pruned %+v", k)
	}
	if out, log := run("--keep-workspace"); !strings.HasPrefix(out, "compile a.c") || !strings.Contains(log, name+": new") {
		t.Errorf("after errand prune: %q\n%s", out, log)
	}
}

// pruned is what errand prune says of a kind.
func (s *server) pruned(kind string, flags ...string) errand.StoredKind {
	s.t.Helper()
	p := s.errand(append([]string{"prune", "--json", "--token-file", s.tokenFile("admin")}, flags...)...)
	if code := p.wait(); code != 0 {
		s.t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr)
	}
	var out errand.Storage
	if err := json.Unmarshal([]byte(p.stdout.String()), &out); err != nil {
		s.t.Fatal(err)
	}
	for _, k := range out.Kinds {
		if k.Kind == kind {
			return k
		}
	}
	s.t.Fatalf("no %s among %+v", kind, out.Kinds)
	return errand.StoredKind{}
}

// TestWorkspaceOfAKilledAgent: an agent that is killed while a job has the workspace gives
// it to the next job afterwards.
func TestWorkspaceOfAKilledAgent(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	data, g := t.TempDir(), newGate(t)
	first := s.agent(data, "--jobs", "2")
	dir := files(t, map[string]string{"a": "1"})
	one := s.errand("run", dir, "--keep-workspace=w", "-c", "echo made > made; echo began; "+g.wait())
	one.stdout.await(t, "began\n")
	first.kill()
	s.agent(data, "--jobs", "2")
	p := s.errand("run", dir, "--keep-workspace=w", "-c", "test ! -e made")
	if code := p.wait(); code != 0 || !strings.Contains(p.stderr.String(), "workspace w, copy 2: new") {
		t.Errorf("while the first runs: exit code %d; stderr:\n%s", code, p.stderr)
	}
	g.open()
	if code := one.wait(); code != 0 {
		t.Fatalf("exit code %d; stderr:\n%s", code, one.stderr)
	}
	p = s.errand("run", dir, "--keep-workspace=w", "-c", "cat made")
	if code := p.wait(); code != 0 || p.stdout.String() != "made\n" {
		t.Errorf("after it: exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
}
