package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ProjectFile is the name of the file with a project's tasks.
const ProjectFile = "errand.yaml"

// A Project is a folder with tasks.
type Project struct {
	Dir   string // of the file
	Tasks []Task // in the order of the file
}

// FindProject returns the project of a folder: that of the folder's errand.yaml or, in a
// git work tree, of the nearest one above it within the work tree. It returns nil if
// there is none. Errors: *Error.
func FindProject(dir string) (*Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", ProjectFile, err)
	}
	for _, at := range searched(abs) {
		p, err := openProject(at)
		if !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	return nil, nil
}

// searched is the folders in which a project of dir can be: dir, and those above it up to
// the top of its git work tree. A file above that may be another user's.
func searched(dir string) []string {
	all := []string{dir}
	for at := dir; ; at = filepath.Dir(at) {
		if at != dir {
			all = append(all, at)
		}
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return all
		}
		if filepath.Dir(at) == at {
			return all[:1]
		}
	}
}

// openProject reads a folder's errand.yaml. A link that leads out of the folder is refused.
func openProject(dir string) (*Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // opened for reading
	info, err := root.Stat(ProjectFile)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", filepath.Join(dir, ProjectFile))
	}
	f, err := root.Open(ProjectFile)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, ProjectFile), err)
	}
	defer f.Close()
	tasks, err := ReadTasks(f)
	return &Project{Dir: dir, Tasks: tasks}, err
}

// ReadTasks reads an errand.yaml. Errors: *Error.
func ReadTasks(in io.Reader) ([]Task, error) {
	r := reader{ProjectFile}
	doc, err := r.document(in)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, &Error{ProjectFile, 1, 1, "the file is empty; it needs tasks"}
	}
	var tasks []Task
	of := map[string]func(*yaml.Node) error{"tasks": func(n *yaml.Node) error {
		if resolve(n).Kind == yaml.SequenceNode {
			return r.errorf(n, "tasks must be a mapping of names to tasks, like \"build: {commands: make}\", not a list")
		}
		return r.entries(n, "tasks", func(key, value *yaml.Node) error {
			t, err := r.task(key, value)
			tasks = append(tasks, t)
			return err
		})
	}}
	err = r.entries(doc, ProjectFile, func(key, value *yaml.Node) error {
		if err := r.refuse(key); err != nil {
			return err
		}
		if of[key.Value] == nil {
			return r.unknownField(key, ProjectFile, of)
		}
		return of[key.Value](value)
	})
	if err == nil && len(tasks) == 0 {
		err = &Error{ProjectFile, 1, 1, "the file has no tasks"}
	}
	if err == nil {
		err = r.resolveAfter(&Project{Tasks: tasks})
	}
	return tasks, err
}

// Task returns the task with the name; nil if there is none.
func (p *Project) Task(name string) *Task {
	for i := range p.Tasks {
		if p.Tasks[i].Name == name {
			return &p.Tasks[i]
		}
	}
	return nil
}

// TaskNames are the names of all tasks.
func (p *Project) TaskNames() []string {
	names := make([]string, len(p.Tasks))
	for i, t := range p.Tasks {
		names[i] = t.Name
	}
	return names
}

// folder reads the folder of a task. It must be below the project's.
func (r reader) folder(n *yaml.Node) (string, error) {
	folder, err := r.text(n, "folder")
	if err != nil {
		return "", err
	}
	if !filepath.IsLocal(filepath.FromSlash(folder)) || strings.Contains(folder, `\`) {
		return "", r.errorf(n, "folder must be a folder below that of %s, like src/site, got %q", ProjectFile, folder)
	}
	return folder, nil
}

// TaskDir returns the folder that is sent for a task. Errors: it leads out of the project
// by a symbolic link, or is none.
func (p *Project) TaskDir(t *Task) (string, error) {
	dir := filepath.Join(p.Dir, filepath.FromSlash(t.Folder))
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("the folder of task %q: %w", t.Name, err)
	}
	top, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return "", fmt.Errorf("the project's folder: %w", err)
	}
	if rel, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the folder of task %q leads out of the project, to %s", t.Name, real)
	}
	return dir, nil
}
