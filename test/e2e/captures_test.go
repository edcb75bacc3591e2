//go:build unix

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/test/ptytest"
)

var writeCaptures = flag.Bool("captures", false, "write what TestCaptures sees into docs/cli.md")

var captureRE = regexp.MustCompile("(?s)<!-- capture (\\w+) -->\n```text\n(.*?)```\n")

// TestCaptures: what docs/cli.md shows of errand run, jobs, explain and workers is what a
// real run shows, but for IDs, times and durations. "make captures" writes it there.
func TestCaptures(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	s.agent(t.TempDir(), "--name", "build-1")
	dir := files(t, map[string]string{"words.txt": "queue\nerrand\nworker\nanswer\n", "check.sh": "echo checking words.txt\necho 'check.sh: a word is missing: folder' >&2\nexit 3\n"})
	seen := map[string]string{"run": s.capture(dir, "run", "-c", "sort words.txt", "-c", "sh check.sh", "--name", "check")}
	s.capture(dir, "run", "--name", "words", "--", "sort", "words.txt")
	s.awaitJob(s.submit("--no-source", "--name", "long", "-c", "sleep 60"), "running", running)
	s.submit("--no-source", "--name", "next", "-c", "true")
	seen["jobs"] = s.capture(dir, "jobs")
	seen["explain"] = s.capture(dir, "explain", "@last")
	s.awaitBusy()
	seen["workers"] = s.capture(dir, "workers")

	path := filepath.Join("..", "..", "docs", "cli.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	updated := captureRE.ReplaceAllFunc(doc, func(block []byte) []byte {
		m := captureRE.FindSubmatch(block)
		name, got := string(m[1]), seen[string(m[1])]
		found++
		if *writeCaptures {
			return fmt.Appendf(nil, "<!-- capture %s -->\n```text\n%s```\n", name, got)
		}
		if want := withoutNumbers(string(m[2])); withoutNumbers(got) != want {
			t.Errorf("errand %s shows\n%s\ndocs/cli.md has\n%s\nmake captures writes it there", name, got, m[2])
		}
		return block
	})
	if found != len(seen) {
		t.Errorf("docs/cli.md has %d captures, want %d", found, len(seen))
	}
	if *writeCaptures {
		if err := os.WriteFile(path, updated, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitBusy waits until the worker's heartbeat has named its job.
func (s *server) awaitBusy() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := s.client().Workers(ctx, "")
		if err == nil && len(list.Workers) == 1 && len(list.Workers[0].Jobs) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("the worker is never busy: %+v, %v", list, err)
		}
	}
}

// capture runs a client command on a wide terminal, and returns the command and
// what the user sees.
func (s *server) capture(dir string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), errandBin, args...)
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(s.t), "TERM=xterm", "ERRAND_SERVER="+s.url, "ERRAND_TOKEN_FILE="+s.tokenFile("user"))
	seen, _, err := ptytest.Screen{Columns: 170, Rows: 40}.Run(cmd)
	if err != nil {
		s.t.Fatal(err)
	}
	line := "$ errand"
	for _, a := range args {
		line += " " + errand.QuoteWord(a)
	}
	return line + "\n" + regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`).ReplaceAllString(strings.ReplaceAll(string(seen), "\r", ""), "")
}

// numbers are what differs from run to run and from machine to machine, in the order in
// which they are replaced.
var numbers = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b(linux|darwin)/\w+ cpus=\d+( memory=\d+M)?`), "OS"},
	{regexp.MustCompile(`\b(01[0-9A-Z]{24}|w-[0-9a-z]{26})\b`), "ID"},
	{regexp.MustCompile(`\b0\.\d+\.\d+\S*`), "VERSION"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|s|m)\b`), "1s"},
	{regexp.MustCompile(`\b\d+(\.\d+)?[KMGT]\b`), "1G"},
	{regexp.MustCompile(`\b\d+ bytes`), "N bytes"},
	{regexp.MustCompile(` +`), " "},
	{regexp.MustCompile(` \n`), "\n"},
}

func withoutNumbers(text string) string {
	for _, n := range numbers {
		text = n.re.ReplaceAllString(text, n.with)
	}
	return text
}
