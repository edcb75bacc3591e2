// Package version is the version of the program.
package version

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Release is the version of the last tag, or the next one with -dev. scripts/build
// sets Commit.
var (
	Release = "0.2.0-dev"
	Commit  = "" // empty: the commit that the Go toolchain recorded
)

// commitLength is how much of a commit's hash is shown.
const commitLength = 7

// Info describes a build.
type Info struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // short; ends with -dirty if files were changed
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Go      string `json:"go"`
}

// Get describes this build.
func Get() Info {
	build, _ := debug.ReadBuildInfo() // nil if the toolchain recorded nothing
	return Info{Version: Release, Commit: commit(Commit, build), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
}

func commit(given string, build *debug.BuildInfo) string {
	if given != "" {
		return given
	}
	hash, dirty := "", ""
	if build != nil {
		for _, s := range build.Settings {
			switch {
			case s.Key == "vcs.revision":
				hash = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
	}
	if hash == "" {
		return ""
	}
	return hash[:min(commitLength, len(hash))] + dirty
}

// String returns "0.2.0-dev (commit abc1234, linux/amd64, go1.26.8)".
func (i Info) String() string {
	details := []string{i.OS + "/" + i.Arch, i.Go}
	if i.Commit != "" {
		details = append([]string{"commit " + i.Commit}, details...)
	}
	return i.Version + " (" + strings.Join(details, ", ") + ")"
}

// Short returns "0.2.0-dev+abc1234".
func (i Info) Short() string {
	if i.Commit == "" {
		return i.Version
	}
	return i.Version + "+" + i.Commit
}
