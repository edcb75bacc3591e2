//go:build unix

package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/ptytest"
)

// TestWatchOnANarrowTerminal: the newest job is on the screen, above the older ones, and no
// line takes two.
func TestWatchOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t)
	f.change(func() {
		for _, id := range []string{"01JFAKE0000000000000000000", "01JFAKE0000000000000000001"} {
			f.jobs = append(f.jobs, &fakeJob{Job: api.Job{ID: id, Status: errand.Completed, ExitCode: new(int), Name: "日本語 " + id, Queue: "default"}})
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "jobs", "--watch")
	cmd.Env = []string{asErrand + "=1", "HOME=" + t.TempDir(), "TERM=xterm", "NO_COLOR=1", "ERRAND_SERVER=" + f.URL, "ERRAND_TOKEN=" + fakeToken}
	seen, code, err := ptytest.Screen{Columns: 40, Rows: 12, Text: "\x1b[J", Keys: "\x03"}.Run(cmd)
	if err != nil || code != 130 {
		t.Fatalf("exit code %d, %v", code, err)
	}
	_, screen, _ := strings.Cut(string(seen), "\x1b[H")
	screen, _, _ = strings.Cut(screen, "\x1b[J")
	lines := strings.Split(strings.ReplaceAll(screen, "\x1b[K", ""), "\r\n")
	want := []string{"  press Ctrl-C to stop", "ID                          STATUS     …", "01JFAKE0000000000000000001  completed  0", "01JFAKE0000000000000000000  completed  0"}
	if len(lines) != len(want) {
		t.Fatalf("the screen is %q", lines)
	}
	lines[0] = lines[0][len("15:04:05"):]
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i, lines[i], want[i])
		}
	}
}
