// Package cli is the errand command: one file per command. It is the one place
// that reads flags and the environment, and the one that puts agent, local stack
// and page together.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/tracing"
)

// app is what every command has: the user, and the environment.
type app struct {
	term   *terminal.Terminal
	lookup func(string) (string, bool)
	server serverFlags
	// configFile is the user's config.yaml once it was read.
	configFile *settings.Config
	traces     *tracing.Tracer // nil: none
	// exitIsJobs: the command's exit code is the job's, and 125 if errand fails, also
	// without the annotation exitsAsJob.
	exitIsJobs bool
	saving     *sync.WaitGroup // of what the next command is faster with
}

// exitsAsJob annotates commands whose exit code is a job's, and 125 if errand fails.
const exitsAsJob = "errand_exits_as_job"

// exitAsJob adds the annotation.
func exitAsJob(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{exitsAsJob: "true"}
	return cmd
}

// getenv is a variable of the environment; empty if it isn't set.
func (a *app) getenv(name string) string {
	v, _ := a.lookup(name)
	return v
}

// superviseArg makes the program a supervisor of jobs, which agents start: see
// agent.Supervise. It is looked at first, so that a supervisor starts fast.
const superviseArg = "supervise"

// Main runs the command that os.Args names and returns its exit code.
func Main() int {
	if len(os.Args) > 1 && os.Args[1] == superviseArg {
		return agent.Supervise(os.Args[2:])
	}
	return run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv)
}

// supervisor is the command that agents start supervisors with.
func supervisor() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program that runs jobs: %w", err)
	}
	return []string{self, superviseArg}, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, lookup func(string) (string, bool)) int {
	a := newApp(stdout, stderr, lookup)
	defer a.saving.Wait()
	root := a.root()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		a.addCompletions(root)
	}
	cmd, exit := a.term.Execute(ctx, root, args)
	switch {
	case exit == nil:
		return 0
	case exit.Err != nil && (cmd.Annotations[exitsAsJob] != "" || a.exitIsJobs):
		return terminal.ExitNotRun // 1 and 2 are the job's exit codes
	}
	return exit.Code
}

func newApp(stdout, stderr io.Writer, lookup func(string) (string, bool)) *app {
	a := &app{lookup: lookup, saving: new(sync.WaitGroup)}
	a.term = terminal.New(stdout, stderr, a.getenv)
	a.term.HintFor = a.hintFor
	return a
}

// keepCommandOrder makes help list commands in the order of the code. It is a setting of
// the whole process.
var keepCommandOrder = sync.OnceFunc(func() { cobra.EnableCommandSorting = false })

func (a *app) root() *cobra.Command {
	var printVersion bool
	root := &cobra.Command{
		Use:   "errand",
		Short: "Run commands on your own machines",
		Long: "Errand runs commands on your own machines. It sends a folder and the commands to a server;\n" +
			"a worker runs them in a copy of the folder, and errand prints the output as it is written.",
		Example: "  errand local                    # start a server and a worker on this machine\n" +
			"  errand run . -- go test ./...   # run a command in a copy of this folder",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printVersion {
				return a.printVersion()
			}
			return cmd.Help()
		},
	}
	terminal.AddFlags(root, terminal.CommonFlags, func(fl *pflag.FlagSet) {
		fl.BoolVar(&printVersion, "version", false, "print the version")
	})
	keepCommandOrder()
	addGroup(root, "Run jobs",
		exitAsJob(a.runCommand()),
		exitAsJob(a.rerunCommand()),
		exitAsJob(a.attachCommand()),
		a.cancelCommand(),
		a.scheduleCommand(),
	)
	addGroup(root, "Watch jobs",
		a.jobsCommand(),
		a.jobCommand(),
		a.explainCommand(),
		a.logsCommand(),
		a.sourceCommand(),
		a.artifactsCommand(),
		exitAsJob(a.waitCommand()),
		a.openCommand(),
	)
	addGroup(root, "Machines",
		a.agentCommand(),
		a.workersCommand("workers"),
		a.workerCommand(),
		a.queueCommand(),
		a.statusCommand(),
	)
	addGroup(root, "Server",
		a.localCommand(),
		a.serveCommand(),
		a.provisionCommand(),
		a.tokenCommand(),
		a.pruneCommand(),
	)
	addGroup(root, "Develop",
		a.mcpCommand(),
		stackcli.NewCommand("stack", a.term, a.getenv),
	)
	addGroup(root, "Get started",
		a.quickstartCommand(),
		a.contextCommand(),
		a.configCommand(),
		a.doctorCommand(),
		a.versionCommand(),
	)
	queues := a.queueListCommand("queues")
	queues.Hidden = true // as short as "errand workers"
	root.AddCommand(queues, a.functionCommand(), a.demoCommand())
	root.SetCompletionCommandGroupID("Get started")
	addCompletionCommand(root)
	return root
}

// addGroup adds commands to root that its help lists under a title.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
	}
	root.AddCommand(commands...)
}
