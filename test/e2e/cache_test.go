//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCacheOfAJob: a job finds what an earlier one left; on another worker as well, which
// gets it from the server. One that is damaged on a worker fails no job, and nobody gets it.
func TestCacheOfAJob(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	run := func(command string, log ...string) string {
		t.Helper()
		p := s.errand("run", "--no-source", "--cache", "k1=out", "-c", command)
		if code := p.wait(); code != 0 {
			t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
		}
		for _, l := range log {
			if !strings.Contains(p.stderr.String(), l) {
				t.Errorf("the log lacks %q:\n%s", l, p.stderr)
			}
		}
		return p.stdout.String()
	}
	run("test ! -e out && mkdir out && echo made > out/a", "cache k1: there is none yet", "cache k1: saving 5 bytes in 1 file")
	if out := run("cat out/a; echo changed > out/a", "cache k1: restored 5 bytes in 1 file"); out != "made\n" {
		t.Errorf("got %q", out)
	}
	packs, err := filepath.Glob(filepath.Join(s.data, "agents", "1", "cache", "packs", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("packs %q, %v", packs, err)
	}
	for _, p := range packs {
		if err := os.WriteFile(p, []byte("evil"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := run("cat out/a", "cache k1: restored 5 bytes in 1 file"); out != "made\n" {
		t.Errorf("after damage on the worker: %q", out)
	}
	s.kill()
	s = s.restart("0")
	s.agent(t.TempDir())
	if out := run("cat out/a", "cache k1: restored 5 bytes in 1 file"); out != "made\n" {
		t.Errorf("on another worker: %q", out)
	}
}
