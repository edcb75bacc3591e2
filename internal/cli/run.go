package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use: "run [DIR] [flags] -- COMMAND [ARGUMENT…]\n  errand run [DIR] [flags] -c LINE…\n  errand run TASK [flags]", SuggestFor: []string{"exec", "submit", "create", "sbatch", "task", "tasks", "start", "srun", "trigger"},
		Short: "Run commands on a worker, in a copy of a folder",
		Long: "Run packs DIR (default: the current folder), uploads it unless the server already has it, and runs\n" +
			"the command in it on a worker. In a git work tree it sends what git lists, elsewhere what no\n" +
			".gitignore lists; in both, nothing that a .errandignore lists. --dry-run shows what that is.\n" +
			"The job's output is printed as it is written: stdout on stdout, stderr on stderr.\n\n" +
			"A command after -- runs without a shell. -c passes a line to the worker's shell and can be\n" +
			"repeated; the lines run one after another until one fails. A name alone is a task of the project's\n" +
			"errand.yaml; flags hold for it, and not for the tasks that run before it. Each job has a copy of the\n" +
			"folder of its own: what one task writes, another doesn't see. Without arguments, run lists the tasks.\n" +
			"Write a folder with a slash, like ./site.\n\n" +
			"Ctrl-C cancels the job, as do a closed terminal and a closed pipe. A second Ctrl-C exits\n" +
			"without waiting for the job to end. If errand itself is killed, the job goes on: errand attach @last\n" +
			"follows it again.\n\n" +
			"The exit code is that of the first command that failed, or 0. If the job exceeded its timeout,\n" +
			"it is 124; if the job could not be run to its end, 125; if it was cancelled, 130.",
		Example: "  errand run -- go test ./...\n  errand run ./site -c 'npm ci' -c 'npm run build' --get dist\n  errand run build\n\n" +
			"  where errand.yaml has:\n" + indented(exampleTasks, "    "),
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if len(args) == 0 && dash < 0 && len(f.commands) == 0 && !f.dryRun {
				return a.listTasks(f.json)
			}
			if err := a.useSettings(cmd.Flags(), &f, args, dash); err != nil {
				return err
			}
			if f.task != nil {
				args = []string{f.task.dir}
			}
			f.apply(a.term)
			if f.dryRun {
				return a.dryRun(cmd.Context(), f, args, dash)
			}
			return a.traced(cmd.Context(), "errand run", func(ctx context.Context) error { return a.run(ctx, f, args, dash) })
		},
		ValidArgsFunction: a.completeTasks,
	}
	cmd.SetFlagErrorFunc(hintDashes)
	f.add(cmd)
	a.addServerFlags(cmd)
	return cmd
}

func (a *app) run(ctx context.Context, f runFlags, args []string, dash int) error {
	dir, body, err := f.parse(args, dash, a.lookup)
	if err != nil {
		return f.locate(err)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	first, second, stop := terminal.NotifyHangups(ctx)
	defer stop()
	defer terminal.ExitWhenInterrupted(second, cancelGrace+time.Second, a.term.EndOutput)()
	sent := sentFolders{}
	limit, err := a.prepare(first, c, &f, dir, &body, sent)
	if err != nil {
		return err
	}
	f.onEnd = func(ctx context.Context, c *api.Client, job *api.Job) error {
		return a.getAfter(ctx, c, dir, &f.getFlags, job)
	}
	if f.task != nil && len(f.task.After) > 0 {
		return a.runAfter(first, second, c, &f, body, sent)
	}
	return a.createAndFollow(first, second, c, body, limit, a.printFrame, f.outputFlags)
}

// prepare completes the request for a job: with its terminal, what it waits for, and its
// source, which it uploads unless sent has it. limit is for the request to create the job.
func (a *app) prepare(ctx context.Context, c *api.Client, f *runFlags, dir string, body *api.CreateJob, sent sentFolders) (limit retryLimit, err error) {
	body.Terminal = f.wantedTerminal(a.term)
	if err := f.whenFlags.addTo(ctx, c, a.term.Now(), body); err != nil {
		return limit, err
	}
	if err := body.Check(); err != nil { // before the folder is sent
		return limit, f.locate(terminal.UsageErrorf("%w", withoutCode(err)))
	}
	if f.noSource {
		return retryFirst, nil
	}
	if err := checkQueue(ctx, c, body.Queue); err != nil {
		return limit, f.locate(err)
	}
	key := f.sendKey(dir)
	if sent[key] == nil {
		if sent[key], err = a.sendSource(ctx, c, dir, &f.fileFlags); err != nil {
			return limit, err
		}
	}
	sent[key].addTo(body)
	return retryConnected, nil
}

// createAndFollow creates the job and waits for it, unless it is to be detached.
func (a *app) createAndFollow(first, second context.Context, c *api.Client, body api.CreateJob, limit retryLimit, out func(api.LogFrame) error, f outputFlags) error {
	// From here on the job may exist: the first Ctrl-C cancels it.
	job, err := a.createJob(second, limit, c, body)
	if err != nil {
		return err
	}
	if f.detach {
		return a.printDetached(&job, f.json)
	}
	a.term.Notef("job %s", job.ID)
	return a.waitForJob(first, second, c, job.ID, out, f)
}

// checkQueue finds a wrong name before a folder is sent. It reports nothing else: the
// server checks again.
func checkQueue(ctx context.Context, c *api.Client, name string) error {
	if name == "" {
		return nil
	}
	list, err := c.Queues(ctx)
	if err != nil {
		return nil //nolint:nilerr // an older server, or none: the next request tells
	}
	var names []string
	for _, q := range list.Queues {
		if q.Name == name {
			return nil
		}
		names = append(names, q.Name)
	}
	return terminal.WithHint(withoutCode(errand.InvalidField("queue", "there is no queue %q on this server; its queues: %s", name, strings.Join(names, ", "))),
		"an admin creates one with errand queue create")
}

// addSource uploads dir, and adds it and what git says about it to the job.
func (a *app) addSource(ctx context.Context, c *api.Client, dir string, f *fileFlags, body *api.CreateJob) error {
	sent, err := a.sendSource(ctx, c, dir, f)
	if err == nil {
		sent.addTo(body)
	}
	return err
}

// A sentFolder is a folder that was uploaded, and what git says about it.
type sentFolder struct {
	source *errand.Source
	facts  map[string]string
}

func (s *sentFolder) addTo(body *api.CreateJob) {
	body.Source, body.Env = s.source, addGitFacts(body.Env, s.facts)
}

func (a *app) sendSource(ctx context.Context, c *api.Client, dir string, f *fileFlags) (s *sentFolder, err error) {
	gitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	s = &sentFolder{}
	var git sync.WaitGroup
	git.Go(func() { s.facts = findGitFacts(gitCtx, dir) })
	if s.source, err = a.upload(ctx, c, dir, f); err != nil {
		cancel()
	}
	git.Wait()
	return s, err
}

func (a *app) printDetached(job *api.Job, asJSON bool) error {
	if asJSON {
		return a.term.PrintJSON(job)
	}
	return a.term.Print(job.ID)
}

// parse returns the folder and the request, without a source, that flags and
// arguments describe. dash is the number of arguments before "--", or -1.
func (f *runFlags) parse(args []string, dash int, lookup func(string) (string, bool)) (dir string, body api.CreateJob, err error) {
	before, argv := args, []string(nil)
	if dash >= 0 {
		before, argv = args[:dash], args[dash:]
	}
	if f.task != nil {
		dir, body.Commands = f.task.dir, f.task.Commands
	} else if body.Commands, err = f.parseCommands(before, argv); err != nil {
		return "", body, err
	} else if dir, err = f.folder(before); err != nil {
		return "", body, err
	}
	body.Watch = !f.detach
	err = errors.Join(
		f.commandFlags.addTo(&body, lookup), f.getFlags.addTo(&body, f.detach), f.cacheFlags.addTo(&body), f.workspaceFlags.addTo(&body, dir, !f.noSource), f.placeFlags.addTo(&body),
		f.orderFlags.addTo(&body), f.limitFlags.addTo(&body),
	)
	if f.task != nil {
		f.task.addTo(&body)
	}
	return dir, body, err
}

// wantedTerminal returns the terminal for the commands: by default one like the user's,
// if the user has one and will see the output.
func (f *runFlags) wantedTerminal(user *terminal.Terminal) *errand.Terminal {
	columns, rows, ok := user.Size()
	if f.noTerminal || !f.terminal && (!ok || f.json) {
		return nil
	}
	clamp := func(n, fallback int) int {
		if n < 1 { // some terminals don't know their size
			return fallback
		}
		return min(n, errand.MaxTerminalSize)
	}
	return &errand.Terminal{Columns: clamp(columns, errand.DefaultColumns), Rows: clamp(rows, errand.DefaultRows), Required: f.terminal}
}

// folder returns the folder that the arguments before "--" name.
func (f *runFlags) folder(before []string) (string, error) {
	switch {
	case len(before) > 1:
		return "", errFolders(before, nil)
	case len(before) == 0:
		return ".", nil
	case f.noSource:
		return "", terminal.UsageErrorf("--no-source and a folder (%q) are mutually exclusive", before[0])
	case !isThere(before[0]) && strings.HasSuffix(before[0], "/"):
		return "", terminal.UsageErrorf("there is no folder %q", before[0])
	case !isThere(before[0]):
		return "", terminal.WithHint(terminal.UsageErrorf("there is no folder %q", before[0]), putDashes(before[:1]))
	case isFile(before[0]):
		return "", terminal.UsageErrorf("%q is a file, not a folder", before[0])
	}
	return before[0], nil
}

// errFolders is the error about several arguments where one folder may be: most are a command.
func errFolders(before, argv []string) error {
	err := terminal.UsageErrorf("more than one folder: %s", quoteAll(before))
	if len(argv) > 0 {
		return err
	}
	return terminal.WithHint(err, putDashes(before))
}

// putDashes is the hint about a command whose first words are given, perhaps behind a folder.
func putDashes(words []string) string {
	dir := ""
	if len(words) > 1 && isThere(words[0]) {
		dir, words = errand.QuoteWord(words[0])+" ", words[1:]
	}
	return "to run a command, put -- before it: errand run " + dir + "-- " + quoteAll(words)
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// hintDashes makes an error about a flag before -- say that the flag may be a command's.
func hintDashes(cmd *cobra.Command, err error) error {
	words := cmd.Flags().Args()
	err = cmd.Parent().FlagErrorFunc()(cmd, err)
	var unknown *pflag.NotExistError
	if len(words) == 0 || !errors.As(err, &unknown) {
		return err
	}
	return terminal.WithHint(err, putDashes(words)+" …")
}

func (f *runFlags) parseCommands(before, argv []string) ([]errand.Command, error) {
	switch {
	case len(before) > 1:
		return nil, errFolders(before, argv)
	case len(argv) > 0 && len(f.commands) > 0:
		return nil, terminal.UsageErrorf("-c and a command after -- are mutually exclusive")
	case len(argv) > 0:
		return []errand.Command{{Argv: argv}}, nil
	case len(f.commands) == 0:
		return nil, terminal.UsageErrorf("no command: pass one after -- or with -c")
	}
	var list []errand.Command
	for _, c := range f.commands {
		list = append(list, errand.Command{Shell: c})
	}
	return list, nil
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = errand.QuoteWord(w)
	}
	return strings.Join(quoted, " ")
}

func parseSeconds(flag string, d time.Duration, most int) (int, error) {
	if limit := time.Duration(most) * time.Second; d < 0 || d%time.Second != 0 || d > limit {
		return 0, terminal.UsageErrorf("%s must be a whole number of seconds, like 90s or 10m, and at most %s; got %s", flag,
			terminal.FormatExactDuration(limit), terminal.FormatExactDuration(d))
	}
	return int(d / time.Second), nil
}

// createJob creates the job. With the idempotency key, retries create only one.
func (a *app) createJob(ctx context.Context, limit retryLimit, c *api.Client, body api.CreateJob) (api.Job, error) {
	ctx, span := a.traces.Start(ctx, "create")
	key := rand.Text()
	job, err := callWithRetry(ctx, limit, func(ctx context.Context) (api.Job, error) { return c.CreateJob(ctx, body, key) })
	traceJob(span, &job)
	span.End(err)
	if err != nil {
		return job, fmt.Errorf("create job: %w", err)
	}
	return job, nil
}

// sentName is the name of a folder that is sent, as a source's filename.
func sentName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || filepath.Dir(abs) == abs {
		return "folder"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(filepath.Base(abs), string(utf8.RuneError)))
}

// archiveName is the name of a folder's archive.
func archiveName(dir string) string { return sentName(dir) + ".zip" }
