package agent

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/process"
)

// Environment is what an agent's owner decides about the environment of commands.
type Environment struct {
	// Variables are set for all commands. A job's own variables override them.
	Variables map[string]string
	// JobHome gives each job a HOME of its own, empty at its start. Otherwise HOME
	// is that of the agent's user.
	JobHome bool
	// TempDir is the directory in which a TMPDIR is created for each job; default:
	// process.TempDir.
	TempDir string
}

var envNameRE = regexp.MustCompile(errand.EnvPattern)

// validate checks the variables. Errors name a variable and never quote its value.
func (e *Environment) validate(agentToken string) error {
	for name, value := range e.Variables {
		switch {
		case !envNameRE.MatchString(name):
			return fmt.Errorf("the name of an environment variable must match %s", errand.EnvPattern)
		case strings.HasPrefix(name, errand.ReservedEnvPrefix):
			return fmt.Errorf("the environment variable %s can't be set for jobs: names that begin with %s are reserved", name, errand.ReservedEnvPrefix)
		case strings.ContainsRune(value, 0):
			return fmt.Errorf("the value of the environment variable %s has a NUL byte", name)
		case agentToken != "" && strings.Contains(value, agentToken):
			return fmt.Errorf("the value of the environment variable %s has the agent's token, which jobs must not get", name)
		}
	}
	if e.TempDir != "" && !filepath.IsAbs(e.TempDir) {
		return errors.New("the directory for temporary files must be an absolute path")
	}
	return nil
}

// variableNames is for the log, which must not have the values.
func (e *Environment) variableNames() []string { return slices.Sorted(maps.Keys(e.Variables)) }

// createDirs creates the directories that the environment names.
func (t *attempt) createDirs() (err error) {
	e := &t.agent.Environment
	if t.temp, err = t.dir.CreateTemp(cmp.Or(e.TempDir, process.TempDir()), t.slot.number); err != nil {
		t.agent.Log.Warn("could not create a temporary directory for the job; using a longer path below the data directory, in which Unix sockets may fail", "job", t.JobID, "err", err)
		if t.temp, err = t.dir.CreateLongTemp(); err != nil {
			return err
		}
	}
	t.host = t.agent.Host
	if e.JobHome {
		home, err := t.dir.CreateHome()
		if err != nil {
			return err
		}
		t.host = t.host.WithHome(home)
	}
	return nil
}

// ownVariables tell which attempt a process belongs to.
func (t *attempt) ownVariables() []string {
	return []string{
		"ERRAND_JOB_ID=" + t.JobID, "ERRAND_ATTEMPT=" + strconv.Itoa(t.Attempt), "ERRAND_WORKER_ID=" + t.agent.registration.id.WorkerID,
	}
}

func (t *attempt) ownEnv() map[string]string {
	worker := t.agent.registration.id.WorkerID
	return map[string]string{
		"ERRAND_JOB_ID": t.JobID, "ERRAND_ATTEMPT": strconv.Itoa(t.Attempt), "ERRAND_QUEUE": t.Queue, "ERRAND_GROUP": t.Group,
		"ERRAND_WORKER_ID": worker, "ERRAND_WORKER": cmp.Or(t.agent.Name, worker),
		"ERRAND_SERVER": t.agent.Client.BaseURL, "ERRAND_DIR": t.work,
	}
}

// env is described in docs/cli.md, "The environment of a job".
func (t *attempt) env() []string {
	return process.Env{
		Host: t.host, Temp: t.temp, GitCeiling: []string{filepath.Dir(t.work), filepath.Dir(t.temp)},
		TraceParent: t.traceParent(), Agent: t.agent.Environment.Variables, Terminal: t.Terminal != nil && t.agent.hasTerminals(), Own: t.ownEnv(), Job: t.Env,
	}.Build()
}
