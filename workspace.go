package errand

// A Workspace keeps a job's folder on the worker for later jobs of the same owner, queue
// and name.
type Workspace struct {
	Name string `json:"name"`
	// Clean empties it before the job.
	Clean bool `json:"clean,omitempty"`
}

// FeatureWorkspace: the worker can keep workspaces.
const FeatureWorkspace = "workspace"

// WorkspacePattern matches names of workspaces.
const WorkspacePattern = `^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`

var workspaceRE = compileLater(WorkspacePattern)

// Validate checks the workspace. The error is an *Error with CodeInvalidField.
func (w *Workspace) Validate() error {
	if !workspaceRE.MatchString(w.Name) {
		return InvalidField("workspace.name", "workspace.name must be 1 to 100 letters, digits, dots, underscores and hyphens, and begin with a letter, a digit or an underscore")
	}
	return nil
}

func (s *Spec) validateWorkspace() error {
	switch {
	case s.Workspace == nil:
		return nil
	case s.Source != nil && s.Source.Format != FormatManifest:
		return InvalidField("workspace", "a workspace requires a source of the format %s, as errand run sends it, or none", FormatManifest)
	}
	return s.Workspace.Validate()
}
