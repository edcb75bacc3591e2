package browser

import "testing"

// TestAccessibility looks at each page as axe does, in sizes, schemes and forced
// colors, and goes through it by the keyboard alone.
func TestAccessibility(t *testing.T) {
	chromium := requireBrowser(t)
	url, token := startLocal(t, buildErrand(t))
	e2e(t, chromium, url, token, "accessibility")
}
