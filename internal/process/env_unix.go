//go:build unix

package process

import (
	"os"
	"runtime"
	"strings"
)

const defaultPath = "/usr/local/bin:/usr/bin:/bin"

var (
	tempVariables   = []string{"TMPDIR"}
	homeVariables   = []string{"HOME"}
	userVariables   = []string{"USER", "LOGNAME"}
	neededVariables = []string{"TZ"}
)

// foldersBelowHome are the variables for folders in the home directory dir.
func foldersBelowHome(string) map[string]string { return nil }

// TempDir returns the system's directory for temporary files. On macOS, it is /tmp
// unless TMPDIR was changed: the path of a user's own directory takes half of what a
// Unix socket's may have, 103 bytes.
func TempDir() string {
	dir := os.TempDir()
	if runtime.GOOS == "darwin" && strings.HasPrefix(dir, "/var/folders/") {
		return "/tmp"
	}
	return dir
}
