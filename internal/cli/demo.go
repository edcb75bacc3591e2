package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

// demoCommands are what one would run in a small Go project; the last writes to
// stderr as well.
var demoCommands = []string{
	"go vet ./...",
	"go test -v ./...",
	"go run . -top 3 testdata/empty.txt testdata/errands.txt testdata/queue.txt",
}

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo DIR", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Run a Go project's checks as a job on a temporary server",
		RunE:  func(cmd *cobra.Command, args []string) error { return a.demo(cmd.Context(), args[0]) },
	}
}

// demo is errand local and errand run: a server with an agent in a temporary
// directory, a job on it, and the end of all. Its exit code is the job's.
func (a *app) demo(ctx context.Context, project string) (err error) {
	dir, err := os.MkdirTemp("", "errand-demo-*")
	if err != nil {
		return fmt.Errorf("create a directory for the demo: %w", err)
	}
	defer func() {
		if rerr := os.RemoveAll(dir); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}()
	_, second, stop := terminal.NotifyInterrupts(ctx) // errand run has its own: the first signal cancels the job
	defer stop()
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: dir, agents: 1}
	a.term.ShowCommand("errand local --addr " + f.addr + " --data " + dir)
	server, err := startLocal(second, f, nil, a.term.NewQuietLog())
	if err != nil {
		return err
	}
	a.term.Notef("started a server at %s with an agent", server.url)
	jobErr := a.demoRun(ctx, server, project)
	if err := server.close(second); err != nil {
		return err
	}
	a.term.Notef("stopped the server and removed %s", dir)
	return jobErr
}

func (a *app) demoRun(ctx context.Context, s *localServer, project string) error {
	line := "errand run " + errand.QuoteWord(project)
	for _, c := range demoCommands {
		line += " -c " + errand.QuoteWord(c)
	}
	a.term.ShowCommand(line)
	client := *a
	client.server = serverFlags{server: s.url, tokenFile: s.tokenFile()}
	return client.run(ctx, runFlags{commandFlags: commandFlags{commands: demoCommands}}, []string{project}, -1)
}
