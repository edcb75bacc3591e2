package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

// runFlags are the flags of errand run: a part for each section of its help, which adds
// its flags to the command and their values to the job.
type runFlags struct {
	commandFlags
	fileFlags
	placeFlags
	orderFlags
	limitFlags
	outputFlags

	task      *runTask           // that is run; nil: the commands are among the flags and arguments
	fromFiles []settings.Setting // flags that errand.yaml or config.yaml set
}

func (f *runFlags) add(cmd *cobra.Command) {
	f.commandFlags.add(cmd)
	f.fileFlags.add(cmd)
	f.placeFlags.add(cmd)
	f.orderFlags.add(cmd)
	f.limitFlags.add(cmd)
	f.outputFlags.add(cmd)
}

// commandFlags say what to run.
type commandFlags struct {
	commands        []string
	env             []string
	shell, name     string
	continueOnError bool
	terminal        bool
	noTerminal      bool
}

func (f *commandFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "What to run", func(fl *pflag.FlagSet) {
		fl.StringArrayVarP(&f.commands, "command", "c", nil, "run this `line` with the shell; can be repeated")
		fl.StringArrayVarP(&f.env, "env", "e", nil, "set an environment variable, `NAME=VALUE`; NAME alone copies its value from here; can be repeated")
		fl.StringVar(&f.shell, "shell", "", "shell `program` for -c on the worker (default /bin/sh, on Windows cmd.exe)")
		fl.BoolVar(&f.continueOnError, "continue-on-error", false, "run the remaining commands after one fails")
		fl.BoolVar(&f.terminal, "terminal", false, "run the commands under a terminal, on a worker that has them (default if stdout and stderr are terminals, on any worker)")
		fl.BoolVar(&f.noTerminal, "no-terminal", false, "run the commands without a terminal: stdout and stderr stay apart")
		fl.StringVar(&f.name, "name", "", "display `name` of the job")
	})
}

func (f *commandFlags) addTo(body *api.CreateJob, lookup func(string) (string, bool)) (err error) {
	body.Name, body.Shell, body.ContinueOnError = f.name, f.shell, f.continueOnError
	if f.terminal && f.noTerminal {
		return terminal.UsageErrorf("--terminal and --no-terminal are mutually exclusive")
	}
	body.Env, err = parseEnv(f.env, lookup)
	return err
}

// fileFlags say which files the job gets and gives back.
type fileFlags struct {
	noSource    bool
	patterns    []string // of --exclude, and of --include with a "!"
	followLinks bool
	git         bool
	maxSize     terminal.ByteSize
	dryRun      bool
	getFlags
	cacheFlags
	workspaceFlags
}

// sentFolders are folders that were uploaded, by what was sent of them.
type sentFolders map[string]*sentFolder

// sendKey says which folder is sent, and what of it.
func (f *fileFlags) sendKey(dir string) string {
	return fmt.Sprintf("%q %q %t %t %d", dir, f.patterns, f.followLinks, f.git, f.maxSize)
}

// defaultMaxSize is the limit for a folder unless --max-size sets another: a larger one
// is sent by mistake more often than not.
const defaultMaxSize = 2_000_000_000

func (f *fileFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Files", func(fl *pflag.FlagSet) {
		f.maxSize = defaultMaxSize
		fl.BoolVar(&f.noSource, "no-source", false, "send no folder; the commands run in an empty one")
		fl.Var(&patternValue{list: &f.patterns}, "exclude", "leave out what this `pattern` matches, as a line of a .gitignore does; can be repeated")
		fl.Var(&patternValue{list: &f.patterns, prefix: "!"}, "include", "send what this `pattern` matches although it is left out; can be repeated, and the last that matches decides")
		fl.BoolVar(&f.followLinks, "follow-links", false, "send what symbolic links point to, not the links")
		fl.BoolVar(&f.git, "git", false, "send what git needs of .git, for git describe and the like; no remotes, hooks and credentials")
		fl.Var(&f.maxSize, "max-size", "send no folder that is larger, like 500MB or 10GB; 0 sets no limit")
		fl.StringArrayVar(&f.get, "get", nil, "when the job has ended, fetch the files that this `pattern` matches, like dist or '*.xml'; can be repeated")
		fl.StringArrayVar(&f.artifacts, "artifact", nil, "keep the files that this `pattern` matches on the server, for errand artifacts; can be repeated")
		f.cacheFlags.add(fl)
		f.workspaceFlags.add(fl)
		fl.BoolVar(&f.force, "force", false, "with --get: replace local files that were not sent, or have changed since")
		fl.BoolVar(&f.dryRun, "dry-run", false, "list what would be sent, and send nothing")
	})
}

// patternValue is the value of --exclude and --include, which add to one list: their
// order counts.
type patternValue struct {
	list   *[]string
	prefix string
}

func (v *patternValue) String() string { return "" }
func (v *patternValue) Type() string   { return "pattern" }

func (v *patternValue) Set(pattern string) error {
	if strings.TrimSpace(pattern) == "" || strings.ContainsAny(pattern, "\n\x00") || v.prefix+pattern == "!" {
		return errors.New("must be one line that is not empty")
	}
	if strings.HasPrefix(pattern, "!") || strings.HasPrefix(pattern, "#") {
		pattern = `\` + pattern
	}
	*v.list = append(*v.list, v.prefix+pattern)
	return nil
}

// placeFlags say where the job runs.
type placeFlags struct {
	queue    string
	worker   string
	requires []string
}

func (f *placeFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Where it runs", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.queue, "queue", "", "`name` of the queue, one of errand queue list (default \"default\")")
		fl.StringVar(&f.worker, "worker", "", "run it on the worker with this `name` or ID, and wait for it")
		fl.StringArrayVar(&f.requires, "requires", nil, "run it on a worker with this `label`: gpu, gpu=h200, cpus>=8, memory>=16G; can be repeated")
	})
}

func (f *placeFlags) addTo(body *api.CreateJob) error {
	body.Queue, body.Worker = f.queue, f.worker
	var err error
	body.Requires, err = parseRequires(f.requires)
	return err
}

// defaultMaxTries is how often a job with --retry-on-exit runs at most.
const defaultMaxTries = 3

// orderFlags say when the job runs, and how often.
type orderFlags struct {
	group       string
	retries     int
	retryOnExit []int
	maxTries    int
	triesGiven  bool // on the command line
	whenFlags
}

func (f *orderFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "When it runs, and how often", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.group, "group", "", "`name` of the job's group; jobs of one group run one at a time, in order")
		f.whenFlags.add(fl)
		fl.IntVar(&f.retries, "retries", 0, "run the job again up to `N` times if its worker is lost or fails, whatever its commands did")
		fl.IntSliceVar(&f.retryOnExit, "retry-on-exit", nil, "run the job again if its exit code is one of these `codes`, like 75 or 1,2")
		fl.IntVar(&f.maxTries, "max-tries", defaultMaxTries, "with --retry-on-exit: run the job at most `N` times in all, counting tries whose worker was lost")
	})
}

func (f *orderFlags) addTo(body *api.CreateJob) error {
	body.Group, body.MaxAttempts = f.group, f.retries+1
	if f.retries < 0 || f.retries >= errand.MaxAttemptsLimit {
		return terminal.UsageErrorf("--retries must be 0 to %d, got %d", errand.MaxAttemptsLimit-1, f.retries)
	}
	if len(f.retryOnExit) > 0 {
		body.RetryOnExit = &errand.RetryOnExit{Codes: f.retryOnExit, MaxTries: f.maxTries}
	}
	if f.triesGiven && len(f.retryOnExit) == 0 {
		return terminal.UsageErrorf("--max-tries requires --retry-on-exit; for workers that are lost or fail, use --retries")
	}
	if f.maxTries != 0 && (f.maxTries < 2 || f.maxTries > errand.MaxAttemptsLimit) {
		return terminal.UsageErrorf("--max-tries must be 2 to %d, got %d", errand.MaxAttemptsLimit, f.maxTries)
	}
	return nil
}

// limitFlags say what the job may use.
type limitFlags struct {
	timeout, lease time.Duration
	limits         errand.Limits
}

func (f *limitFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Limits", func(fl *pflag.FlagSet) {
		terminal.DurationVar(fl, &f.timeout, "timeout", 0, "stop the job if its commands, with unpacking the folder, take longer than this `duration` in all (default 1d)")
		fl.Var((*terminal.ByteSize)(&f.limits.Memory), "memory", "end the job if it uses more memory than this, like 512MiB or 2GiB; only workers that can enforce it get the job")
		fl.Float64Var(&f.limits.CPUs, "cpus", 0, "let the job use at most `N` processors, like 1.5; only workers that can enforce it get the job")
		fl.IntVar(&f.limits.Pids, "pids", 0, "let the job have at most `N` processes and threads; only workers that can enforce it get the job")
		terminal.DurationVar(fl, &f.lease, "lease", 0, "count the worker as lost after this `duration` without a heartbeat (default the server's, 5m)")
	})
}

func (f *limitFlags) addTo(body *api.CreateJob) error {
	var err1, err2 error
	body.TimeoutSeconds, err1 = parseSeconds("--timeout", f.timeout, errand.MaxTimeoutSeconds)
	body.LeaseSeconds, err2 = parseSeconds("--lease", f.lease, errand.MaxLeaseSeconds)
	if f.limits != (errand.Limits{}) {
		body.Limits = &f.limits
	}
	return errors.Join(err1, err2, checkLimits("--", &f.limits))
}

// checkLimits checks limits that flags set, whose names begin with prefix.
func checkLimits(prefix string, l *errand.Limits) error {
	var e *errand.Error
	if err := l.Validate(); errors.As(err, &e) {
		return terminal.UsageErrorf("%s", strings.ReplaceAll(e.Message, "limits.", prefix))
	}
	return nil
}

// outputFlags say what errand run prints, and when it returns.
type outputFlags struct {
	detach, json, quiet bool
	earlier             bool                                                         // it is a job that the one asked for waits for: --json doesn't print it
	onEnd               func(ctx context.Context, c *api.Client, job *api.Job) error // nil: nothing
}

func (f *outputFlags) add(cmd *cobra.Command) {
	terminal.AddFlags(cmd, "Output", func(fl *pflag.FlagSet) {
		fl.BoolVarP(&f.detach, "detach", "d", false, "print the job's ID and exit without waiting")
		fl.BoolVarP(&f.quiet, "quiet", "q", false, "print only the job's output, warnings and errors")
		fl.BoolVar(&f.json, "json", false, "print the job as JSON when it ends, without its output")
	})
}

func (f *outputFlags) apply(t *terminal.Terminal) {
	if f.quiet {
		t.SetQuiet()
	}
}
