package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/agent"
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
		Short: "Run a Go project's checks as a job on a throw-away server",
		RunE:  func(cmd *cobra.Command, args []string) error { return a.demo(cmd.Context(), args[0]) },
	}
}

// demo is errand local and errand run: a server with an agent in a temporary
// directory, a job on it, and the end of all. Its exit code is the job's.
func (a *app) demo(ctx context.Context, project string) (err error) {
	dir, err := os.MkdirTemp("", "errand-demo-*")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer func() {
		if rerr := os.RemoveAll(dir); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}()
	_, second, stop := interrupts(ctx) // errand run has its own: the first signal cancels the job
	defer stop()
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: dir, agents: 1}
	a.ui.line("", "$ errand local --addr "+f.addr+" --data "+dir)
	quiet, err := agent.NewLogHandler(a.stderr, agent.LogText, slog.LevelWarn, a.ui.errColor)
	if err != nil {
		return err
	}
	server, err := startLocal(second, a.plane, f, nil, slog.New(quiet))
	if err != nil {
		return err
	}
	a.ui.notef("serving at %s, with an agent", server.url)
	jobErr := a.demoRun(ctx, server, project)
	if err := server.close(second); err != nil {
		return err
	}
	a.ui.notef("all stopped; %s is removed", dir)
	return jobErr
}

func (a *app) demoRun(ctx context.Context, s *localServer, project string) error {
	line := "$ errand run " + shellQuote(project)
	for _, c := range demoCommands {
		line += " -c " + shellQuote(c)
	}
	a.ui.line("", line)
	client := *a
	client.server = serverFlags{server: s.url, tokenFile: s.tokenFile()}
	return client.run(ctx, runFlags{commands: demoCommands}, []string{project}, -1)
}

// shellQuote quotes a word for a POSIX shell, if it needs to be.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=+,@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
