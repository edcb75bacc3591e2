package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/errandhq/errand/internal/api"
)

// asErrand in the environment makes the test binary the errand command. What
// errand starts itself, it starts with a built environment: that has arguments alone.
const asErrand = "ERRAND_TEST_AS_ERRAND"

func TestMain(m *testing.M) {
	isFunction := len(os.Args) == 3 && os.Args[1] == "function"
	isSupervisor := len(os.Args) == 4 && os.Args[1] == superviseArg
	if isFunction || isSupervisor || os.Getenv(asErrand) != "" {
		os.Exit(Main())
	}
	testscript.Main(m, map[string]func(){"errand": func() { os.Exit(Main()) }})
}

// makesLinks reports whether os.Symlink makes symbolic links. Windows needs a
// privilege for it, and Wine succeeds without one.
func makesLinks(t *testing.T) bool {
	link := filepath.Join(t.TempDir(), "link")
	_ = os.Symlink("target", link) // Lstat tells
	info, err := os.Lstat(link)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

type fakeKey struct{}

// TestScripts runs testdata/script: each against a fake server of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			fake := newFakeServer(env.T().(testing.TB))
			env.Values[fakeKey{}] = fake
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("LocalAppData", filepath.Join(env.WorkDir, "home"))
			env.Setenv("AppData", filepath.Join(env.WorkDir, "home", ".config"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's is a second for each command
			env.Setenv("NL", "\n")
			env.Setenv("FAKE", fake.URL)
			env.Setenv("ERRAND_SERVER", fake.URL)
			env.Setenv("ERRAND_TOKEN", fakeToken)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "links" {
				return false, fmt.Errorf("no condition %q", name)
			}
			return makesLinks(t), nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fault":        scriptFault,
			"watched":      scriptWatched,
			"sent":         scriptSent,
			"worker":       scriptWorker,
			"calls":        scriptCalls,
			"called":       scriptCalled,
			"code":         scriptCode,
			"hinted":       scriptHinted,
			"hangup":       scriptHangup,
			"write-url":    scriptWriteURL,
			"pty":          scriptPTY,
			"called-again": scriptCalledAgain,
			"exits":        scriptExits,
			"followed":     scriptFollowed,
			"gone":         scriptGone,
		},
	})
}

// called PATH [N]: waits until PATH was called once, or N times.
func scriptCalled(ts *testscript.TestScript, _ bool, args []string) {
	f, n := fakeOf(ts), 1
	if len(args) > 1 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	waitFor(ts, func() bool { return f.calls[args[0]] >= n })
}

// called-again PATH N: waits until PATH was called N times from now on.
func scriptCalledAgain(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	f.mu.Lock()
	n += f.calls[args[0]]
	f.mu.Unlock()
	waitFor(ts, func() bool { return f.calls[args[0]] >= n })
}

// followed: waits until someone waits for more of a log.
func scriptFollowed(ts *testscript.TestScript, _ bool, _ []string) {
	f := fakeOf(ts)
	waitFor(ts, func() bool { return f.waiting > 0 })
}

// gone: the server has removed all archives.
func scriptGone(ts *testscript.TestScript, _ bool, _ []string) {
	f := fakeOf(ts)
	f.change(func() { clear(f.uploads) })
}

// exits N ARG…: changes job N so that it ends, as ARG, NAME=VALUE like those of its
// environment, say.
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	f.change(func() {
		j := f.jobs[n]
		delete(j.Env, "HANG")
		delete(j.Env, "PENDING")
		for _, a := range args[1:] {
			name, value, _ := strings.Cut(a, "=")
			if j.Env == nil {
				j.Env = map[string]string{}
			}
			j.Env[name] = value
		}
		j.frames = nil
		j.play()
	})
}

// code N ARG…: errand ARG… exits with N.
func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("errand", args[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// hinted N: waits until someone has asked why a job waits N times, and waits for a log.
func scriptHinted(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	waitFor(ts, func() bool { return fmt.Sprint(f.calls["/api/jobs/explain"]) == args[0] && f.waiting > 0 })
}

// hangup: the terminal of the last background command is closed.
func scriptHangup(ts *testscript.TestScript, _ bool, _ []string) {
	all := ts.BackgroundCmds()
	ts.Check(all[len(all)-1].Process.Signal(syscall.SIGHUP))
}

// write-url FILE: the fake server's URL, as errand local would write it down.
func scriptWriteURL(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(fakeOf(ts).URL+"\n"), 0o600))
}

func waitFor(ts *testscript.TestScript, cond func() bool) {
	done := make(chan struct{})
	timer := time.AfterFunc(30*time.Second, func() { close(done) })
	defer timer.Stop()
	if !fakeOf(ts).wait(done, cond) {
		ts.Fatalf("what was waited for didn't come")
	}
}

func fakeOf(ts *testscript.TestScript) *fakeServer { return ts.Value(fakeKey{}).(*fakeServer) }

// fault PATH N: the next N calls of PATH fail, each other one after it was applied.
func scriptFault(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	f := fakeOf(ts)
	f.change(func() { f.faults[args[0]] = n })
}

// watched N: waits until someone reads the log of job N.
func scriptWatched(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	waitFor(ts, func() bool { return len(f.jobs) > n && f.jobs[n].watched })
}

// sent NAME…: the last job's archive has just these entries.
func scriptSent(ts *testscript.TestScript, _ bool, args []string) {
	names, err := fakeOf(ts).entries()
	ts.Check(err)
	if got, want := strings.Join(names, " "), strings.Join(args, " "); got != want {
		ts.Fatalf("the archive has %s; want %s", got, want)
	}
}

// worker QUEUE: there is a worker that takes jobs of it. "worker full QUEUE": it has no
// free slot.
func scriptWorker(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	f.change(func() {
		slots := 2
		if args[0] == "full" {
			slots = 1
		}
		f.workers = append(f.workers, api.Worker{
			ID: "worker-" + strconv.Itoa(len(f.workers)+1), Name: "build\x1b[31mer", Status: "busy", Online: args[0] != "offline", Queues: args, Slots: slots, Jobs: []string{"x"},
			OS: "linux", Arch: "amd64", Labels: map[string]string{"os": "linux", "gpu": "h200", "cpus": "8"}, Version: "0.2.0", DiskFree: 3 << 29, LastSeen: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		})
	})
}

// calls PATH N: PATH was called N times.
func scriptCalls(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := fmt.Sprint(f.calls[args[0]]); got != args[1] {
		ts.Fatalf("%s was called %s times, want %s", args[0], got, args[1])
	}
}
