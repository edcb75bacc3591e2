package browser

import "testing"

// TestSession drives signing in and out, on the real program.
func TestSession(t *testing.T) {
	chromium := requireBrowser(t)
	url, token := startLocal(t, buildErrand(t))
	e2e(t, chromium, url, token, "session")
}
