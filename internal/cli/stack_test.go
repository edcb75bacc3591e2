//go:build unix

package cli

import (
	"net/http"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/terminal"
)

func TestStackCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launch(t, "stack", "--addr", "127.0.0.1:0", "--data", data)
	resp, err := http.Get(p.first + "/_localstack/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health: %s", resp.Status)
	}
	if code, out, errs := errandAt(t, "", data, "stack", "health", "--addr", strings.TrimPrefix(p.first, "http://")); code != 0 || out != "ok\n" {
		t.Errorf("health: %d %q %s", code, out, errs)
	}
	if code, _, errs := errandAt(t, "", data, "stack", "health", "--addr", "127.0.0.1:1"); code != terminal.ExitFailure || !strings.Contains(errs, "no stack is running at 127.0.0.1:1") {
		t.Errorf("health of nothing: %d %s", code, errs)
	}
	second := launch(t, "stack", "--addr", "127.0.0.1:0", "--data", data)
	if code := second.wait(); code != terminal.ExitFailure || !strings.Contains(second.stderr.String(), "is in use by another errand process") {
		t.Errorf("a second stack in the directory: %d, %s", code, second.stderr.String())
	}
	p.interrupt()
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}
