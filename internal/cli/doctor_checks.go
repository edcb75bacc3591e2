package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/source"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

const (
	// leastSpace is how much of a disk should be free.
	leastSpace = 1_000_000_000
	// A clock that is off by more than clockWarning is told; signed requests of AWS allow
	// clockFault.
	clockWarning = 30 * time.Second
	clockFault   = 15 * time.Minute
)

func (e *examination) examineClient(ctx context.Context) {
	e.about = "client"
	e.ok("version", "errand %s", version.Get())
	if config, err := e.app.config(); err != nil {
		e.fault("config", err, "correct the file")
	} else {
		e.ok("config", "%s, %s", config.Path, existence(config.Path))
	}
	switch project, err := settings.FindProject("."); {
	case err != nil:
		e.fault("project", err, "correct the file")
	case project != nil:
		e.ok("project", "%s with %s", filepath.Join(project.Dir, settings.ProjectFile), count(len(project.Tasks), "task"))
	default:
		e.ok("project", "no %s here", settings.ProjectFile)
	}
	e.examineSpace("disk", os.TempDir(), "free some space, or set TMPDIR: folders are packed there")
	e.examineGit(ctx)
}

func (e *examination) examineGit(ctx context.Context) {
	path, err := exec.LookPath("git")
	if err != nil {
		e.add("git", findingWarning, "install git: without it, errand run reads .gitignore files itself and jobs get no ERRAND_GIT variables", "not found")
		return
	}
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		e.fault("git", fmt.Errorf("%s --version: %w", path, err), "reinstall git")
		return
	}
	e.ok("git", "%s, %s", strings.TrimSpace(string(out)), path)
}

func (e *examination) examineSpace(check, dir, advice string) {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir) // it is made when it is needed
	}
	free, err := source.DiskSpace(dir)
	switch {
	case err != nil:
		e.add(check, findingWarning, "", "the free space of %s is not known: %v", dir, err)
	case free < leastSpace:
		e.add(check, findingWarning, advice, "%s has only %s left", dir, terminal.FormatBytes(free))
	default:
		e.ok(check, "%s has %s left", dir, terminal.FormatBytes(free))
	}
}

// examineServer returns a client if the server answers it.
func (e *examination) examineServer(ctx context.Context) *api.Client {
	e.about = "server"
	at, err := e.app.findConnection(userTokenFile)
	if at.server == "" || err != nil && at.serverFrom == "" {
		e.fault("address", err, "")
		return nil
	}
	e.ok("address", "%s, from %s", at.server, at.serverFrom)
	e.examineProxy(at.server)
	reached := e.examineAnswer(ctx, at.server)
	if err != nil {
		e.fault("token", err, "")
		return nil
	}
	token, origin, err := e.app.token(&at)
	if err == nil {
		err = e.app.checkRole(token, origin, userTokenFile)
	}
	if err != nil {
		e.fault("token", err, "set --token-file to a file with a user's token")
		return nil
	}
	if !reached {
		return nil
	}
	return e.examineToken(ctx, newClient(at.server, token), token, at.tokenFile, origin)
}

func (e *examination) examineProxy(server string) {
	req, err := http.NewRequest(http.MethodGet, server, nil)
	if err != nil {
		e.fault("proxy", err, "")
		return
	}
	proxy, err := http.ProxyFromEnvironment(req)
	switch {
	case err != nil:
		e.fault("proxy", err, "correct HTTP_PROXY and HTTPS_PROXY")
	case proxy != nil:
		e.add("proxy", findingWarning, "if the server is reachable without it, add its host to NO_PROXY", "requests go through %s", proxy.Redacted())
	default:
		e.ok("proxy", "none for this server")
	}
}

// examineAnswer asks the server for its page, which needs no token, and compares clocks.
func (e *examination) examineAnswer(ctx context.Context, server string) bool {
	ctx, stop := context.WithTimeout(ctx, requestTimeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/jobs", nil)
	if err != nil {
		e.fault("answer", err, "")
		return false
	}
	began := time.Now()
	res, err := newClient(server, "").HTTP.Do(req)
	if err != nil {
		e.fault("answer", withoutURL(err), "is the server running, and is the address correct?")
		return false
	}
	defer res.Body.Close()
	took := time.Since(began)
	if res.StatusCode != http.StatusUnauthorized {
		e.add("answer", findingFault, "is this the address of an Errand server? does a proxy answer instead?", "the server answers %s to a request without a token", res.Status)
		return false
	}
	e.ok("answer", "in %s", terminal.FormatDuration(took))
	e.examineClock(res.Header.Get("Date"), began.Add(took/2))
	return true
}

func (e *examination) examineClock(date string, now time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		e.add("clock", findingWarning, "", "the server does not say what time it is")
		return
	}
	off := now.Sub(at.Add(time.Second / 2)).Abs()
	const advice = "set the clock of this machine, or of the server, with NTP"
	switch {
	case off > clockFault:
		e.add("clock", findingFault, advice, "this machine's clock and the server's differ by %s", terminal.FormatDuration(off))
	case off > clockWarning:
		e.add("clock", findingWarning, advice, "this machine's clock and the server's differ by %s", terminal.FormatDuration(off))
	default:
		e.ok("clock", "as the server's")
	}
}

func (e *examination) examineToken(ctx context.Context, c *api.Client, token, file, origin string) *api.Client {
	theirs, err := callOnce(ctx, 0, c.ServerVersion)
	if err != nil {
		e.fault("token", fmt.Errorf("the server refuses the token in %s: %w", origin, err), "")
		return nil
	}
	e.examineVersion(theirs)
	role, _ := errand.RoleOfToken(token)
	if info, err := os.Stat(file); file != "" && err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		e.add("token", findingWarning, "chmod 600 "+errand.QuoteWord(file), "%s, of role %s: other users of this machine can read it", origin, role)
		return c
	}
	e.ok("token", "%s, of role %s", origin, role)
	return c
}

func (e *examination) examineVersion(theirs string) {
	switch mine := version.Get().Version; theirs {
	case mine:
		e.ok("version", "errand %s", theirs)
	case "":
		e.add("version", findingWarning, "upgrade the server, or use its version here", "the server does not report its version, so it is older than this program")
	default:
		e.add("version", findingWarning, "use the same version here and there", "the server is errand %s, this program %s", theirs, mine)
	}
}

func (e *examination) examineWorkers(ctx context.Context, c *api.Client) {
	e.about = "workers"
	list, err := listWorkers(ctx, c)
	if err != nil {
		e.fault("list", err, "")
		return
	}
	online, versions := 0, map[string]int{}
	for _, w := range list.Workers {
		if w.Online {
			online++
			versions[w.Version]++
		}
	}
	if online == 0 {
		e.add("online", findingFault, "start one with errand agent, or errand local", "none of %s", count(len(list.Workers), "worker"))
		return
	}
	e.ok("online", "%d of %s", online, count(len(list.Workers), "worker"))
	if mine := version.Get().Short(); versions[mine] != online {
		e.add("version", findingWarning, "run the same version everywhere", "%d of %d workers do not run this version, %s", online-versions[mine], online, mine)
		return
	}
	e.ok("version", "all run this one")
}

// examineAgent looks at this machine as a worker.
func (e *examination) examineAgent() {
	e.about = "agent on this machine"
	local, err := defaultDataDir(e.app.getenv)
	if err != nil {
		e.fault("data", err, "")
		return
	}
	dir := filepath.Join(filepath.Dir(local), "agent")
	switch _, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		e.ok("data", "%s: errand agent has not run here", dir)
	case err != nil:
		e.fault("data", err, "set --data to a directory that you can use")
	default:
		e.ok("data", "%s", dir)
	}
	e.examineSpace("disk", dir, "free some space, or set errand agent --data to a directory on another disk")
	shell := "/bin/sh"
	if runtime.GOOS == "windows" {
		shell = "cmd.exe"
	}
	if path, err := exec.LookPath(shell); err != nil {
		e.fault("shell", err, "install a shell, or run only commands without one")
	} else {
		e.ok("shell", "%s", path)
	}
}
