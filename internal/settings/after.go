package settings

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
)

// A TaskDependency is a task whose job another task's job waits for.
type TaskDependency struct {
	Task string
	On   errand.Outcome // how that job must end

	at *yaml.Node
}

// after reads the tasks that a task waits for: NAME, or NAME:success, NAME:failure or
// NAME:any. Whether there are such tasks, only resolveAfter knows.
func (r reader) after(n *yaml.Node) ([]TaskDependency, error) {
	names, err := r.texts(n, "after")
	if err != nil {
		return nil, err
	}
	if len(names) > errand.MaxAfter {
		return nil, r.errorf(n, "after must name at most %d tasks, got %d", errand.MaxAfter, len(names))
	}
	var all []TaskDependency
	for i, name := range names {
		at := resolve(n)
		if at.Kind == yaml.SequenceNode {
			at = at.Content[i]
		}
		if !ValidTaskName(name) {
			return nil, r.errorf(at, "after must be names of tasks, like build or build:any, got %q", name)
		}
		all = append(all, TaskDependency{Task: name, On: errand.OnSuccess, at: at})
	}
	return all, nil
}

// resolveAfter finds the tasks that tasks wait for. A name may end in an outcome, unless a
// task has the whole name. Errors: there is no such task; tasks wait for
// each other.
func (r reader) resolveAfter(p *Project) error {
	for i := range p.Tasks {
		for j := range p.Tasks[i].After {
			d := &p.Tasks[i].After[j]
			if p.Task(d.Task) != nil {
				continue
			}
			cut := strings.LastIndexByte(d.Task, ':')
			if cut < 0 || p.Task(d.Task[:cut]) == nil {
				return r.errorf(d.at, "there is no task %q; the tasks are %s", d.Task, strings.Join(p.TaskNames(), ", "))
			}
			d.Task, d.On = d.Task[:cut], errand.Outcome(d.Task[cut+1:])
			if !slices.Contains(errand.Outcomes, d.On) {
				return r.errorf(d.at, "after must end in the name of a task, or in :success, :failure or :any, got %q", d.at.Value)
			}
		}
	}
	done := map[string]bool{}
	for i := range p.Tasks {
		if err := r.refuseCycle(p, &p.Tasks[i], nil, done); err != nil {
			return err
		}
	}
	return nil
}

// refuseCycle follows what t waits for. path leads to t; done are the tasks that lead to
// no cycle.
func (r reader) refuseCycle(p *Project, t *Task, path []string, done map[string]bool) error {
	if done[t.Name] {
		return nil
	}
	path = append(path, t.Name)
	for _, d := range t.After {
		if d.Task == t.Name {
			return r.errorf(d.at, "task %q waits for itself", t.Name)
		}
		if slices.Contains(path, d.Task) {
			return r.errorf(d.at, "the tasks wait for each other: %s", strings.Join(append(path, d.Task), ", "))
		}
		if err := r.refuseCycle(p, p.Task(d.Task), path, done); err != nil {
			return err
		}
	}
	done[t.Name] = true
	return nil
}

// Before returns the tasks that run before t, each once and after those it waits for.
func (p *Project) Before(t *Task) []*Task {
	var all []*Task
	seen := map[string]bool{}
	var visit func(*Task)
	visit = func(t *Task) {
		for _, d := range t.After {
			if earlier := p.Task(d.Task); !seen[d.Task] {
				seen[d.Task] = true
				visit(earlier)
				all = append(all, earlier)
			}
		}
	}
	visit(t)
	return all
}
