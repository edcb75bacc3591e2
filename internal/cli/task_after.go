package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

// An earlierJob is the job of a task that runs before the one that errand run names.
type earlierJob struct {
	task  *settings.Task
	body  api.CreateJob
	limit retryLimit
	job   api.Job // once it is created
}

// runAfter creates the jobs of the tasks that a task waits for, and the task's own, and
// prints their output one after another: the server runs each as soon as it may. The exit
// code is that of the task's job; if that could not run, of the first that failed.
func (a *app) runAfter(first, second context.Context, c *api.Client, f *runFlags, body api.CreateJob, sent sentFolders) error {
	earlier, err := a.prepareEarlier(first, c, f, sent)
	if err != nil {
		return err
	}
	last := &earlierJob{task: &f.task.Task, body: body, limit: retryConnected}
	if err := a.createInOrder(second, c, append(earlier, last)); err != nil {
		return err
	}
	if f.detach {
		return a.printDetached(&last.job, f.json)
	}
	var failure error
	for _, e := range earlier {
		a.term.Notef("task %s, job %s", e.task.Name, e.job.ID)
		err := a.waitForJob(first, second, c, e.job.ID, a.printFrame, outputFlags{json: f.json, earlier: true})
		if exit := (*terminal.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			return err
		}
		if failure == nil {
			failure = err
		}
	}
	couldRun := true
	get := f.onEnd
	f.onEnd = func(ctx context.Context, c *api.Client, job *api.Job) error {
		if couldRun = job.Reason != errand.ReasonDependencyFailed; !couldRun {
			return nil
		}
		return get(ctx, c, job)
	}
	a.term.Notef("task %s, job %s", last.task.Name, last.job.ID)
	err = a.waitForJob(first, second, c, last.job.ID, a.printFrame, f.outputFlags)
	if !couldRun && failure != nil {
		return failure
	}
	return err
}

// prepareEarlier completes the requests for the jobs of all tasks that run before that of
// f: with the settings of each, and the user's
// defaults. A folder that sent has is not sent again.
func (a *app) prepareEarlier(ctx context.Context, c *api.Client, f *runFlags, sent sentFolders) ([]*earlierJob, error) {
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	var all []*earlierJob
	for _, task := range f.task.project.Before(&f.task.Task) {
		var own runFlags
		cmd := &cobra.Command{}
		own.add(cmd)
		err := errors.Join(own.setTask(cmd.Flags(), f.task.project, task), own.setFlags(cmd.Flags(), config.Defaults))
		if err != nil {
			return nil, err
		}
		own.json, own.detach = f.json, f.detach
		dir, body, err := own.parse(nil, -1, a.lookup)
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", task.Name, own.locate(err))
		}
		e := &earlierJob{task: task, body: body}
		if e.limit, err = a.prepare(ctx, c, &own, dir, &e.body, sent); err != nil {
			return nil, fmt.Errorf("task %s: %w", task.Name, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// createInOrder creates the jobs, of which each waits for those that its task names. If
// one can't be created, it cancels those before it.
func (a *app) createInOrder(ctx context.Context, c *api.Client, jobs []*earlierJob) error {
	ids := map[string]string{}
	for i, e := range jobs {
		for _, d := range e.task.After {
			e.body.After = append(e.body.After, errand.Dependency{JobID: ids[d.Task], On: d.On})
		}
		var err error
		if e.job, err = a.createJob(ctx, e.limit, c, e.body); err != nil {
			for _, created := range jobs[:i] {
				a.requestCancel(ctx, c, created.job.ID, "")
			}
			return fmt.Errorf("task %s: %w", e.task.Name, err)
		}
		ids[e.task.Name] = e.job.ID
	}
	return nil
}
