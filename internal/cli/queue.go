package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Create, list, pause and delete queues",
		Long: "Jobs wait in queues. Workers take from all queues, or from those that errand agent --queue names,\n" +
			"in that order. Creating, pausing and deleting queues requires an admin's token.",
		Example: "  errand queue create linux\n  errand run --queue linux -- make test",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list, remove := a.queueListCommand("list"), a.queueDeleteCommand()
	list.Aliases, remove.Aliases = []string{"ls"}, []string{"rm"}
	cmd.AddCommand(a.queueCreateCommand(), list, remove,
		a.queuePauseCommand("pause", "Stop giving the queue's jobs to workers; running ones go on", true),
		a.queuePauseCommand("resume", "Give the queue's jobs to workers again", false))
	return cmd
}

// named is a command for the queue or worker that its one argument names.
func (a *app) named(use, short string, do func(ctx context.Context, c *api.Client, name string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: terminal.OneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := terminal.NotifyInterrupt(cmd.Context())
			defer stop()
			c, err := a.clientAs(adminTokenFile)
			if err != nil {
				return err
			}
			return do(ctx, c, args[0])
		},
	}
	a.addServerFlags(cmd)
	return cmd
}

func (a *app) queueCreateCommand() *cobra.Command {
	return a.named("create NAME", "Create a queue", func(ctx context.Context, c *api.Client, name string) error {
		made := false
		_, err := callWithRetry(ctx, retryAction, func(ctx context.Context) (q api.Queue, err error) {
			q, made, err = c.CreateQueue(ctx, name)
			return q, err
		})
		if err != nil {
			return err
		}
		if made {
			a.term.Notef("queue %s created", name)
		} else {
			a.term.Notef("the queue %s exists already", name)
		}
		return nil
	})
}

func (a *app) queuePauseCommand(verb, short string, paused bool) *cobra.Command {
	return a.named(verb+" NAME", short, func(ctx context.Context, c *api.Client, name string) error {
		_, err := callWithRetry(ctx, retryAction, func(ctx context.Context) (api.Queue, error) { return c.PauseQueue(ctx, name, paused) })
		if err == nil {
			a.term.Notef("queue %s %sd", name, verb)
		}
		return err
	})
}

func (a *app) queueDeleteCommand() *cobra.Command {
	var cancelJobs bool
	cmd := a.named("delete NAME", "Delete a queue", func(ctx context.Context, c *api.Client, name string) error {
		cancelled := 0
		for {
			r, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.QueueRemoval, error) { return c.DeleteQueue(ctx, name, cancelJobs) })
			if err != nil {
				return err
			}
			if cancelled += r.Cancelled; r.Done {
				a.term.Notef("queue %s deleted; jobs cancelled: %d", name, cancelled)
				return nil
			}
			a.term.Notef("jobs cancelled so far: %d", cancelled)
		}
	})
	cmd.Long = "Delete deletes a queue. A queue that holds jobs is refused, unless --cancel-jobs is set: that\n" +
		"cancels the pending jobs, and asks the workers to end the running ones. SQS allows the same\n" +
		"name again after 60 seconds."
	cmd.Flags().BoolVar(&cancelJobs, "cancel-jobs", false, "cancel the queue's jobs")
	return cmd
}

func (a *app) queueListCommand(use string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: "List queues, their jobs and workers", Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.queueList(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"queues\": […]}")
	return cmd
}

func (a *app) queueList(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := callWithRetry(ctx, retryFirst, c.Queues)
	if err != nil {
		return err
	}
	if asJSON {
		return a.term.PrintJSON(list)
	}
	rows := make([][]string, 0, len(list.Queues))
	for _, q := range list.Queues {
		rows = append(rows, append([]string{q.Name, queueStatus(&q)}, a.figuresRow(q.Figures, q.CreatedAt)...))
	}
	return a.term.PrintTable([]string{"NAME", "STATUS", "PENDING", "OLDEST", "RUNNING", "WORKERS", "FREE SLOTS", "CREATED"}, rows)
}

// figuresRow is a queue's figures, which an older server does not send, and when it was
// created.
func (a *app) figuresRow(f *api.QueueFigures, created *time.Time) []string {
	if f == nil {
		return []string{"-", "-", "-", "-", "-", a.created(created)}
	}
	pending, oldest := strconv.Itoa(f.Pending), "-"
	if f.More {
		pending = "over " + pending
	}
	if f.OldestPendingAt != nil {
		oldest = a.term.FormatTime(*f.OldestPendingAt)
	}
	return []string{pending, oldest, strconv.Itoa(f.Running), strconv.Itoa(f.Workers), fmt.Sprintf("%d/%d", f.FreeSlots, f.Slots), a.created(created)}
}

func queueStatus(q *api.Queue) string {
	switch {
	case q.Deleting:
		return "deleting"
	case q.Paused:
		return "paused"
	}
	return "open"
}

func (a *app) created(t *time.Time) string {
	if t == nil {
		return "with the server"
	}
	return a.term.FormatTime(*t)
}
