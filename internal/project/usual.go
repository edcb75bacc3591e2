package project

import (
	"fmt"
	"slices"
	"strings"
)

// usuallyIgnored are files and folders that hardly a project keeps in git: they hold what
// a tool downloads again, or secrets.
var usuallyIgnored = []string{
	"node_modules", ".venv", "__pycache__", ".tox", ".gradle", ".terraform",
	".env", ".netrc", "id_rsa", "id_ed25519", ".aws", ".ssh",
}

// noteUsual notes such paths of a folder that isn't in a git work tree: there, nothing may
// have said yet what is to be left out.
func (w *walk) noteUsual() {
	var found []string
	for i := range w.out.Entries {
		path := w.out.Entries[i].Path
		names := strings.Split(path, "/")
		if slices.IndexFunc(names, isUsuallyIgnored) == len(names)-1 { // not what is below one
			found = append(found, path)
		}
	}
	more := ""
	switch len(found) {
	case 0:
		return
	case 1:
	case 2:
		more = ", as is 1 other path that projects usually keep out of git"
	default:
		more = fmt.Sprintf(", as are %d other paths that projects usually keep out of git", len(found)-1)
	}
	w.note(found[0], fmt.Sprintf("is sent%s: --exclude or .errandignore leaves it out", more))
}

func isUsuallyIgnored(name string) bool { return slices.Contains(usuallyIgnored, name) }
