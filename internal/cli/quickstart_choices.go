package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// exampleProject is what makeProject writes: it runs with what every system has.
var exampleProject = map[string]string{
	"words.txt": "queue\nerrand\nworker\nfolder\nanswer\n",
	"README":    "A project for errand quickstart: a worker gets a copy of this folder.\n",
}

func (s *quickstart) makeProject(context.Context) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("create project: %w", err)
	}
	for name, text := range exampleProject {
		f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue // it is the user's by now
		}
		if err != nil {
			return fmt.Errorf("create project: %w", err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("create project: %w", err)
		}
	}
	s.term.Notef("the project is in %s", s.dir)
	return nil
}

func (s *quickstart) runProject(ctx context.Context) error {
	if _, err := os.Stat(s.dir); err != nil {
		return terminal.WithHint(fmt.Errorf("no project in %s", s.dir), "create it first: type 1")
	}
	command, err := s.ask(ctx, "shell command (press Enter for: sort words.txt): ")
	if err != nil {
		return err
	}
	command = cmp.Or(command, "sort words.txt")
	s.term.ShowCommand("errand run " + errand.QuoteWord(s.dir) + " -c " + errand.QuoteWord(command))
	return s.run(ctx, runFlags{commandFlags: commandFlags{commands: []string{command}}}, []string{s.dir}, -1)
}

func (s *quickstart) showJob(ctx context.Context) error {
	id, err := s.askJob(ctx)
	if err != nil {
		return err
	}
	s.term.ShowCommand("errand job " + errand.QuoteWord(id))
	return s.withJob(ctx, id, false, false, (*api.Client).Job)
}

func (s *quickstart) followJob(ctx context.Context) error {
	id, err := s.askJob(ctx)
	if err != nil {
		return err
	}
	s.term.ShowCommand("errand logs -f " + errand.QuoteWord(id))
	return s.logs(ctx, id, logsFlags{follow: true, tail: allLines})
}

// askJob is a job's ID, by default the latest's.
func (s *quickstart) askJob(ctx context.Context) (string, error) {
	id, err := s.ask(ctx, "job ID (press Enter for the latest job): ")
	if err != nil || id != "" {
		return id, err
	}
	c, err := s.client()
	if err != nil {
		return "", err
	}
	list, err := listPage(ctx, c, 1, "")
	if err != nil {
		return "", err
	}
	if len(list.Jobs) == 0 {
		return "", terminal.WithHint(errors.New("no jobs yet"), "run one: type 2")
	}
	return list.Jobs[0].ID, nil
}
