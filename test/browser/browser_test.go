// Package browser drives the page in a real browser: web/e2e, run by Node with
// playwright-core and the machine's Chromium. Where one of them is missing the
// tests are skipped and say so; with ERRAND_REQUIRE_BROWSER=1, as in CI, they fail.
package browser

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const webDir = "../../web"

// browsers are the names that Chromium has, on one system or another.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// e2e runs web/e2e/NAME.test.ts, for each name, against a server.
func e2e(t *testing.T, chromium, url, token string, names ...string) {
	t.Helper()
	args := []string{"run", "--silent", "e2e", "--"}
	for _, name := range names {
		args = append(args, "e2e/"+name+".test.ts")
	}
	cmd := exec.CommandContext(t.Context(), "npm", args...)
	cmd.Dir = webDir
	cmd.Env = append(os.Environ(), "ERRAND_URL="+url, "ERRAND_TOKEN="+token, "CHROMIUM="+chromium, "NO_COLOR=1")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Errorf("npm run e2e: %v", err)
	}
}

// requireBrowser returns Chromium's path, or ends the test where it can't be run.
func requireBrowser(t *testing.T) string {
	t.Helper()
	chromium, missing := findBrowser()
	if missing == "" {
		return chromium
	}
	if os.Getenv("ERRAND_REQUIRE_BROWSER") != "" {
		t.Fatal("the page can't be tested: " + missing)
	}
	t.Skip("the page is not tested: " + missing)
	return ""
}

func findBrowser() (path, missing string) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "", "npm is not installed"
	}
	if _, err := os.Stat(filepath.Join(webDir, "node_modules", "playwright-core")); err != nil {
		return "", "web/node_modules is missing: run `npm ci` in web"
	}
	if own := os.Getenv("CHROMIUM"); own != "" {
		return own, ""
	}
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, ""
		}
	}
	return "", "there is no " + strings.Join(browsers, ", ") + " on the PATH; CHROMIUM may name one"
}
