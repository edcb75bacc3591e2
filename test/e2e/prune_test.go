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

// TestPrune: an admin removes logs, artifacts and caches; the upload stays, because
// errand rerun may use it. A user can't.
func TestPrune(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"input": "sent\n"})
	id := s.submit(dir, "--artifact", "out", "-c", "head -c 100000 /dev/urandom | base64; echo made > out")
	s.awaitJob(id, "end", ended)
	prune := func(flags ...string) map[string]errand.StoredKind {
		t.Helper()
		p := s.errand(append([]string{"prune", "--json", "--token-file", s.tokenFile("admin")}, flags...)...)
		if code := p.wait(); code != 0 {
			t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr)
		}
		var out errand.Storage
		if err := json.Unmarshal([]byte(p.stdout.String()), &out); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]errand.StoredKind{}
		for _, k := range out.Kinds {
			kinds[k.Kind] = k
		}
		return kinds
	}
	all := []string{"--log-days", "0", "--artifact-days", "0", "--pack-days", "0", "--cache-days", "0", "--worker-days", "0"}
	dry := prune(append(all, "--dry-run")...)
	removed := prune(all...)
	for _, kind := range []string{errand.StoredLogs, errand.StoredArtifacts, errand.StoredPacks, "folder caches"} {
		if k := dry[kind]; k.Items == 0 || k.RemovedItems != k.Items || removed[kind] != k {
			t.Errorf("a dry run would remove %+v, and %+v was removed", k, removed[kind])
		}
	}
	if k := dry[errand.StoredUploads]; k.Items != 1 || k.RemovedItems != 0 {
		t.Errorf("uploads: %+v", k)
	}
	for kind, k := range prune() {
		if kind != errand.StoredUploads && kind != errand.StoredJobFolders && k.Items != 0 { // the folder of the job may be about to be removed
			t.Errorf("left: %+v", k)
		}
	}
	if packs, err := filepath.Glob(filepath.Join(s.data, "agents", "1", "cache", "packs", "*", "*")); err != nil || len(packs) > 0 {
		t.Errorf("packs left: %q, %v", packs, err)
	}
	if got := s.output("rerun", id, "--detach"); strings.TrimSpace(got) == "" {
		t.Error("the job can't be run again")
	}
	if got := s.output("status"); !strings.Contains(got, "workers:       1 of 1 online") || !strings.Contains(got, "stored:        requires an admin's token") {
		t.Errorf("status for a user:\n%s", got)
	}
	if p := s.errand("prune"); p.wait() != 1 || !strings.Contains(p.stderr.String(), "requires an admin's token") {
		t.Errorf("prune for a user: %s", p.stderr)
	}
}

// TestFewerAgentsLeaveNoCache: a smaller --agents leaves no packs behind.
func TestFewerAgentsLeaveNoCache(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	s.kill()
	pack := filepath.Join(s.data, "agents", "7", "cache", "packs", "ann", strings.Repeat("0", 64))
	if err := os.MkdirAll(filepath.Dir(pack), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pack, []byte("pack"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = s.restart("0")
	s.await("that the cache is removed", func() bool {
		_, err := os.Stat(filepath.Dir(filepath.Dir(pack)))
		return os.IsNotExist(err)
	})
}

// await waits until ok holds of what only the file system tells.
func (s *server) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("never %s", what)
		}
	}
}
