package version

import (
	"runtime/debug"
	"testing"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	recorded := func(settings ...debug.BuildSetting) *debug.BuildInfo { return &debug.BuildInfo{Settings: settings} }
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef"}
	for _, tt := range []struct {
		name, given string
		build       *debug.BuildInfo
		want        string
	}{
		{"given", "fedcba9-dirty", recorded(revision), "fedcba9-dirty"},
		{"given alone", "fedcba9", nil, "fedcba9"},
		{"recorded", "", recorded(revision), "0123456"},
		{"dirty", "", recorded(revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "0123456-dirty"},
		{"clean", "", recorded(revision, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "0123456"},
		{"not recorded", "", recorded(), ""},
		{"no build info", "", nil, ""},
	} {
		if got := commit(tt.given, tt.build); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	i := Info{Version: "1.2.3", Commit: "abc1234", OS: "linux", Arch: "amd64", Go: "go1.26.8"}
	if got, want := i.String(), "1.2.3 (commit abc1234, linux/amd64, go1.26.8)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := i.Short(), "1.2.3+abc1234"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	i.Commit = ""
	if got, want := i.String(), "1.2.3 (linux/amd64, go1.26.8)"; got != want {
		t.Errorf("without a commit: got %q, want %q", got, want)
	}
	if got, want := i.Short(), "1.2.3"; got != want {
		t.Errorf("without a commit: got %q, want %q", got, want)
	}
}
