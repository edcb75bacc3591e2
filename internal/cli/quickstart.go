package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) quickstartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quickstart [DIR]",
		Short: "Try Errand from a menu",
		Long: "Quickstart shows a menu: create a project, run it, list, watch and cancel jobs, start and stop a\n" +
			"worker, open the web page. For each choice it prints the command that does the same. If no server is\n" +
			"set and none runs on this machine, quickstart starts one, with an agent, and stops it when you quit.\n\n" +
			"DIR is the folder of the project (default errand-quickstart).",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "errand-quickstart"
			if len(args) > 0 {
				dir = args[0]
			}
			return a.quickstart(cmd.Context(), dir, os.Stdin)
		},
	}
	a.addServerFlags(cmd)
	return cmd
}

// A quickstart is one session at the menu. Its client commands go to one server.
type quickstart struct {
	app
	dir   string
	lines <-chan string // what the user says; closed at the end

	worker *quickWorker // nil: none was started here
}

// A choice is a line of the menu. Its error is told, and the menu goes on.
type choice struct {
	key, what string
	do        func(*quickstart, context.Context) error
}

var choices = []choice{
	{"1", "create a small project", (*quickstart).makeProject},
	{"2", "run it on a worker", (*quickstart).runProject},
	{"3", "list the jobs", func(s *quickstart, ctx context.Context) error {
		s.term.ShowCommand("errand jobs")
		return s.jobs(ctx, jobsFlags{limit: 20})
	}},
	{"4", "show a job", (*quickstart).showJob},
	{"5", "follow a job's log", (*quickstart).followJob},
	{"6", "list the workers", func(s *quickstart, ctx context.Context) error {
		s.term.ShowCommand("errand workers")
		return s.workers(ctx, false)
	}},
	{"7", "open the web page", (*quickstart).openPage},
	{"8", "cancel a job", (*quickstart).cancelJob},
	{"9", "watch the jobs, until Ctrl-C", func(s *quickstart, ctx context.Context) error {
		s.term.ShowCommand("errand jobs --watch")
		return s.jobs(ctx, jobsFlags{limit: 20, watch: true})
	}},
	{"w", "start a worker on this machine", (*quickstart).startWorker},
	{"x", "stop that worker", (*quickstart).stopWorker},
	{"q", "quit", nil},
}

func (a *app) quickstart(ctx context.Context, dir string, stdin io.Reader) (err error) {
	s := &quickstart{app: *a, dir: dir, lines: readLines(stdin)}
	server, err := s.find(ctx)
	if err != nil {
		return err
	}
	if server != nil {
		defer func() { err = errors.Join(err, server.close(ctx)) }()
	}
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	for {
		key, err := s.ask(ctx, menu())
		if errors.Is(err, io.EOF) || key == "q" {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.choose(ctx, key); err != nil {
			return err
		}
	}
}

// readLines gives out r's lines, and ends with it. Its goroutine may stay in a
// read that nothing can end; it ends with the process then.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			lines <- strings.TrimSpace(in.Text())
		}
	}()
	return lines
}

// find sees to it that there is a server: the one that is named, the local one
// that runs, or its own, which it returns.
func (s *quickstart) find(ctx context.Context) (*localServer, error) {
	named := cmp.Or(s.server.server, s.server.context, s.getenv("ERRAND_SERVER"), s.getenv("ERRAND_CONTEXT")) != ""
	c, err := s.client()
	if err == nil {
		try, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		if _, err = c.Workers(try, ""); err == nil {
			s.term.Notef("using the server at %s", c.BaseURL)
			return nil, nil
		}
	}
	if named {
		return nil, err
	}
	return s.start(ctx)
}

// start is errand local with the default data directory, and a free port.
func (s *quickstart) start(ctx context.Context) (*localServer, error) {
	data, err := defaultDataDir(s.getenv)
	if err != nil {
		return nil, err
	}
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: data, agents: 1}
	s.term.ShowCommand("errand local")
	server, err := startLocal(ctx, f, nil, s.term.NewQuietLog())
	if err != nil {
		return nil, err
	}
	s.server = serverFlags{server: server.url, tokenFile: server.tokenFile()}
	s.term.Notef("started a server at %s with an agent; it stops when you quit", server.url)
	return server, nil
}

func menu() string {
	var b strings.Builder
	for _, c := range choices {
		fmt.Fprintf(&b, "\n  %s  %s", c.key, c.what)
	}
	return b.String() + "\n\nyour choice: "
}

// ask prints a prompt and returns the answer; io.EOF where there is none to come.
func (s *quickstart) ask(ctx context.Context, prompt string) (string, error) {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	s.term.Prompt(prompt)
	select {
	case line, ok := <-s.lines:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		fmt.Fprintln(s.term.Stderr)
		return "", context.Cause(ctx)
	}
}

// choose does what a key stands for. What fails is told: only the menu's end is
// the session's.
func (s *quickstart) choose(ctx context.Context, key string) error {
	for _, c := range choices {
		if c.key != key {
			continue
		}
		var exit *terminal.ExitError
		err := c.do(s, ctx)
		if errors.As(err, &exit) && exit.Err == nil {
			s.term.Notef("the command would exit with code %d", exit.Code)
		} else if err != nil && !errors.Is(err, terminal.ErrInterrupted) && !errors.Is(err, io.EOF) {
			s.term.PrintError(err)
		}
		return ctx.Err()
	}
	s.term.Hintf("type one of the keys on the left and press Enter")
	return nil
}
