package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

const (
	// completionTime is how long a shell's user waits for completions at most.
	completionTime = 3 * time.Second
	completedJobs  = 50
)

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// addCompletions makes shells complete jobs, queues, workers and statuses wherever a
// command below root takes them.
func (a *app) addCompletions(cmd *cobra.Command) {
	if use := strings.Fields(cmd.Use); len(use) > 1 && (use[1] == "ID" || use[1] == "ID…") && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = a.fromServer(completeJobs)
	}
	if use := strings.Fields(cmd.Use); len(use) > 1 && use[1] == "NAME" && cmd.ValidArgsFunction == nil {
		switch parent := cmd.Parent().Name(); {
		case parent == "worker":
			cmd.ValidArgsFunction = a.fromServer(completeWorkers)
		case parent == "queue" && use[0] != "create":
			cmd.ValidArgsFunction = a.fromServer(completeQueues)
		case parent == "schedule" && use[0] != "create":
			cmd.ValidArgsFunction = a.fromServer(completeSchedules)
		}
	}
	ofServer := map[string]completer{
		"queue": a.fromServer(completeQueues), "worker": a.fromServer(completeWorkers), "after": a.fromServer(completeJobs), "schedule": a.fromServer(completeSchedules),
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		complete := completeNothing
		what, usage := pflag.UnquoteUsage(f)
		f.Usage = usage // shells show it as it is
		switch {
		case ofServer[f.Name] != nil && cmd.Flags().Lookup("server") != nil:
			complete = ofServer[f.Name]
		case flagChoices[f.Name] != nil:
			complete = cobra.FixedCompletions(flagChoices[f.Name], cobra.ShellCompDirectiveNoFileComp)
		case takesPath[what] || strings.Contains(what, "PATH"):
			return
		}
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // fails only if there is one
	})
	for _, c := range cmd.Commands() {
		a.addCompletions(c)
	}
}

func completeNothing(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// flagChoices are the values of flags that take one of a few.
var flagChoices = map[string][]string{
	"status": statusNames(), "role": {"user", "agent", "admin"}, "log-format": {"text", "json"}, "profile": {"normal", "hostile"}, "home": {"agent", "job"},
	"missed": {string(errand.MissedSkip), string(errand.MissedOnce)}, "overlap": {string(errand.OverlapAllow), string(errand.OverlapSkip), string(errand.OverlapCancel)},
}

// takesPath are the names that help gives the values of flags that are paths here, or in the
// folder that is sent.
var takesPath = map[string]bool{"file": true, "directory": true, "folder": true, "pattern": true, "program": true, "line": true}

// addCompletionCommand adds cobra's command, described in the words of the other commands.
func addCompletionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Short = "Complete commands, jobs, queues, workers and tasks in your shell"
		c.Long = "Completion prints a script that completes commands, flags, jobs, queues, workers, contexts and tasks.\n" +
			"The help of the command for your shell says how to install it for good."
		c.Example = "  source <(errand completion bash)   # for this bash; it needs the package bash-completion"
		for _, shell := range c.Commands() {
			shell.Short = "Print the script for " + shell.Name()
		}
	}
}

func statusNames() []string {
	names := make([]string, len(errand.Statuses))
	for i, s := range errand.Statuses {
		names[i] = string(s)
	}
	return names
}

// fromServer completes with what the server knows. If it doesn't answer soon, there are
// no completions.
func (a *app) fromServer(list func(context.Context, *api.Client) ([]string, error)) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, stop := context.WithTimeout(context.Background(), completionTime)
		defer stop()
		c, err := a.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := list(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

func completeJobs(ctx context.Context, c *api.Client) ([]string, error) {
	list, err := c.Jobs(ctx, "", "", completedJobs, "")
	all := []string{lastJob + "\tthe newest job", lastFailedJob + "\tthe newest job that failed"}
	for i := range list.Jobs {
		j := &list.Jobs[i]
		all = append(all, j.ID+"\t"+outcome(j)+"  "+what(j))
	}
	return all, err
}

func completeQueues(ctx context.Context, c *api.Client) ([]string, error) {
	list, err := c.Queues(ctx)
	var all []string
	for _, q := range list.Queues {
		all = append(all, q.Name)
	}
	return all, err
}

func completeSchedules(ctx context.Context, c *api.Client) ([]string, error) {
	list, err := listSchedules(ctx, c)
	var all []string
	for i := range list.Schedules {
		sc := &list.Schedules[i]
		all = append(all, sc.Name+"\t"+sc.Cron)
	}
	return all, err
}

func completeWorkers(ctx context.Context, c *api.Client) ([]string, error) {
	list, err := listWorkers(ctx, c)
	var all []string
	sameName := map[string]int{}
	for _, w := range list.Workers {
		sameName[w.Name]++
	}
	for _, w := range list.Workers {
		if isWord := errand.QuoteWord(w.Name) == w.Name; isWord && sameName[w.Name] == 1 {
			all = append(all, w.Name+"\t"+w.ID)
			continue
		}
		all = append(all, w.ID+"\t"+terminal.FirstLine(w.Name, 40))
	}
	return all, err
}
