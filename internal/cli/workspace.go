package cli

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// workspaceFlags say whether the job's folder stays on the worker.
type workspaceFlags struct {
	workspace workspaceValue
	clean     bool
}

func (f *workspaceFlags) add(fl *pflag.FlagSet) {
	fl.VarPF(&f.workspace, "keep-workspace", "", "keep the job's folder on the worker, with what the commands make, for later jobs with the same `[=NAME]` (default the folder's name)").NoOptDefVal = folderName
	fl.BoolVar(&f.clean, "clean", false, "with --keep-workspace: empty the kept folder before the job")
}

// folderName is the value of --keep-workspace for the name of the folder that is sent.
const folderName = "true"

// workspaceValue is a name, folderName, or empty for no workspace.
type workspaceValue string

func (v *workspaceValue) String() string { return "" }
func (v *workspaceValue) Type() string   { return "bool" } // its help shows no default

func (v *workspaceValue) Set(s string) error {
	if s == "false" {
		s = ""
	}
	*v = workspaceValue(s)
	return nil
}

func (f *workspaceFlags) addTo(body *api.CreateJob, dir string, sends bool) error {
	switch {
	case f.workspace == "" && f.clean:
		return terminal.UsageErrorf("--clean requires --keep-workspace, or a task with workspace in errand.yaml")
	case f.workspace == "":
		return nil
	}
	name := string(f.workspace)
	if name == folderName {
		name = workspaceName(dir, sends)
	}
	body.Workspace = &errand.Workspace{Name: name, Clean: f.clean}
	if err := body.Workspace.Validate(); err != nil {
		return terminal.UsageErrorf("%s", strings.Replace(messageOf(err), "workspace.name", "--keep-workspace=NAME: the name", 1))
	}
	return nil
}

var notInWorkspaceName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// workspaceName is the name for a folder.
func workspaceName(dir string, sends bool) string {
	if !sends {
		return "default"
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	name := strings.TrimLeft(notInWorkspaceName.ReplaceAllString(filepath.Base(dir), "-"), ".-")
	if name == "" {
		return "default"
	}
	return name[:min(len(name), 100)]
}
