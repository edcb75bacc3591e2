package project

import "testing"

// TestUsuallyIgnored: outside of git, a note says that secrets and downloads are sent.
func TestUsuallyIgnored(t *testing.T) {
	t.Parallel()
	const all = `".env" is sent, as are 2 other paths that projects usually keep out of git: --exclude or .errandignore leaves it out`
	files := map[string]string{".env": "SECRET=x", "node_modules/a/.env": "", "node_modules/a/node_modules/b": "", "web/.venv/bin/x": "", "src/main.c": ""}
	for want, patterns := range map[string][]string{
		all: nil,
		`"web/.venv" is sent: --exclude or .errandignore leaves it out`:                                                              {".env", "node_modules"},
		`"node_modules" is sent, as is 1 other path that projects usually keep out of git: --exclude or .errandignore leaves it out`: {".env"},
		"": {".*", "node_modules"},
	} {
		dir := t.TempDir()
		write(t, dir, files)
		s := choose(t, dir, Options{Patterns: patterns})
		got := ""
		for _, n := range s.Notes {
			got += n.String()
		}
		if got != want {
			t.Errorf("without %q: %s\nwant %s", patterns, got, want)
		}
	}
	dir := t.TempDir()
	write(t, dir, files)
	write(t, dir, map[string]string{".git/HEAD": "ref: refs/heads/main\n"})
	if s := choose(t, dir, Options{withoutGit: true}); len(s.Notes) > 0 {
		t.Errorf("in git: %v", s.Notes)
	}
}
