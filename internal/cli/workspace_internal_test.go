package cli

import (
	"strings"
	"testing"
)

func TestWorkspaceNames(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"/src/app": "app", "/src/my app (1)": "my-app-1-", "/src/.dotfiles": "dotfiles", "/": "default", "/src/日本": "default", "/" + strings.Repeat("x", 200): strings.Repeat("x", 100),
	} {
		if got := workspaceName(dir, true); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
	if got := workspaceName("/src/app", false); got != "default" {
		t.Errorf("of no folder: %q", got)
	}
}
