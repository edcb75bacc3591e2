//go:build unix

package cli

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJobEnvFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "env")
	content := "\ufeffA=file\r\n# comment\n\n \t\nQUOTED=\"a b\" \nHERE\nEMPTY=\nLONG=" + strings.Repeat("x", 100_000)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := func(name string) (string, bool) { return "from here", name == "HERE" || name == "TOO" }
	f := jobEnvFlags{env: []string{"A=flag", "TOO"}, envFiles: []string{file}, home: homeJob}
	e, err := f.parse(lookup)
	want := map[string]string{"A": "flag", "QUOTED": "\"a b\" ", "HERE": "from here", "EMPTY": "", "LONG": strings.Repeat("x", 100_000), "TOO": "from here"}
	if err != nil || !maps.Equal(e.Variables, want) || !e.JobHome {
		t.Errorf("%v, %v", e, err)
	}
}

// TestLocalJobEnv: what the owner of a local server sets for its jobs arrives, and isn't logged.
func TestLocalJobEnv(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("SSL_CERT_FILE=/file\nJAVA_HOME=/from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launchLocal(t, data, "--env", "JAVA_HOME=/opt/java", "--env-file", file, "--home", "job", "-v")
	code, stdout, stderr := errandAt(t, p.first, data, "run", "--no-source", "--group", "g", "--env", "SSL_CERT_FILE=/job's", "-c",
		`echo "$JAVA_HOME $SSL_CERT_FILE $ERRAND_GROUP $ERRAND_QUEUE $ERRAND_SERVER"; echo "${HOME%/home}"; dirname "$ERRAND_DIR"; basename "$TMPDIR" | head -c 7`)
	first, rest, _ := strings.Cut(stdout, "\n")
	lines := strings.Split(rest, "\n")
	agentDir := filepath.Join(data, "agents", "1")
	if code != 0 || first != "/opt/java /job's g default "+p.first || len(lines) != 3 || filepath.Dir(lines[0]) != filepath.Join(agentDir, "attempts") ||
		lines[1] != filepath.Join(agentDir, "work") || lines[2] != "errand-" {
		t.Errorf("%d, %q, %s", code, stdout, stderr)
	}
	r := newRepository(t)
	code, stdout, stderr = errandAt(t, p.first, data, "run", r.dir, "-c", `echo "$ERRAND_GIT_COMMIT $ERRAND_GIT_BRANCH $ERRAND_GIT_DIRTY"`)
	if want := r.git("rev-parse", "HEAD") + " topic/one false\n"; code != 0 || stdout != want {
		t.Errorf("%d, %q, want %q; %s", code, stdout, want, stderr)
	}
	p.stderr.wait(t, "jobs get variables")
	for _, value := range []string{"/opt/java", "/from-file", "/job's"} {
		if strings.Contains(p.stderr.String(), value) {
			t.Errorf("%s is in the log", value)
		}
	}
}
