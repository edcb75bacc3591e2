package browser

import (
	"os"
	"testing"
)

// TestScreenshots takes the pictures in docs/images, on a real server with three
// machines: make screenshots.
func TestScreenshots(t *testing.T) {
	if os.Getenv("SHOTS") == "" || os.Getenv("ERRAND_SCREENSHOTS") == "" {
		t.Skip("run by make screenshots")
	}
	chromium, bin := requireBrowser(t), buildErrand(t)
	url, token, agentToken := startServer(t, bin, 1)
	startAgent(t, bin, url, agentToken, "--name", "build-1", "--jobs", "4", "--label", "disk=ssd")
	startAgent(t, bin, url, agentToken, "--name", "gpu-1", "--jobs", "2", "--label", "gpu=h200")
	e2e(t, chromium, url, token, "screenshots")
}
