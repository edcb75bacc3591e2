package direct

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
	"github.com/errandhq/errand/internal/source"
)

// limits of unpacked archives: a function has 512 MB of disk.
var limits = archive.Limits{MaxBytes: 400 << 20, MaxFiles: 50_000}

// retry is for downloads.
var retry = backoff.Policy{Min: 200 * time.Millisecond, Max: time.Second}

// grace is short because the caller waits.
const grace = time.Second

// A Runner runs direct requests.
type Runner struct {
	// Getenv is os.Getenv. Commands get only what process.CurrentHost reads.
	Getenv func(string) string
	HTTP   *http.Client // downloads the source; default: http.DefaultClient
}

// Run is Runner.Run in this process's environment.
func Run(ctx context.Context, r errand.DirectRequest) errand.DirectReport {
	return Runner{Getenv: os.Getenv}.Run(ctx, r)
}

// Run runs the request's commands in a temporary directory, which also holds their
// HOME. It ends with ctx or after the request's timeout, which includes the download
// of the source, and kills what still runs. It sends the log as the request permits.
func (d Runner) Run(ctx context.Context, r errand.DirectRequest) errand.DirectReport {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout(r), process.ErrTimeout)
	defer cancel()
	out := errand.DirectResult{Commands: []errand.DirectCommand{}}
	log := newRunLog(start)
	stop := d.follow(context.WithoutCancel(ctx), r, log)
	err := d.run(ctx, r, log, &out)
	stop()
	out.DurationMs = time.Since(start).Milliseconds()
	setStatus(ctx, r, err, &out)
	trim(&out)
	return errand.DirectReport{DirectResult: out, Log: log.end()}
}

func timeout(r errand.DirectRequest) time.Duration {
	seconds := errand.MaxDirectSeconds
	if r.TimeoutSeconds > 0 {
		seconds = min(seconds, r.TimeoutSeconds)
	}
	return time.Duration(seconds) * time.Second
}

func (d Runner) run(ctx context.Context, r errand.DirectRequest, log *runLog, out *errand.DirectResult) error {
	dir, err := os.MkdirTemp(process.TempDir(), "errand-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the function's disk goes with its process
	for _, sub := range []string{"work", "home", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	if r.Source != nil {
		if err := d.unpack(ctx, r.Source, dir); err != nil {
			return err
		}
	}
	return d.commands(ctx, r, dir, log, out)
}

// setupError: the source could not be downloaded or unpacked.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }

func (d Runner) unpack(ctx context.Context, g *errand.SourceGrant, dir string) error {
	f := source.Fetcher{
		HTTP: d.HTTP, Tries: 3, Stall: 5 * time.Second,
		Wait: func(ctx context.Context, n int) error { return clock.Sleep(ctx, clock.Real(), retry.Delay(n, 0)) },
	}
	if _, err := f.Unpack(ctx, g, source.Target{Dir: filepath.Join(dir, "work"), Scratch: dir, Limits: limits}); err != nil {
		return setupError{err}
	}
	return nil
}

func (d Runner) commands(ctx context.Context, r errand.DirectRequest, dir string, log *runLog, out *errand.DirectResult) error {
	host := process.CurrentHost(d.Getenv).WithHome(filepath.Join(dir, "home"))
	work := filepath.Join(dir, "work")
	own := map[string]string{"ERRAND_DIRECT_ID": rand.Text(), "ERRAND_DIR": work}
	defer process.KillStray("ERRAND_DIRECT_ID=" + own["ERRAND_DIRECT_ID"])
	limit := &outputLimit{left: errand.MaxDirectOutputBytes}
	var outputs []*[2]output
	s := process.Sequence{
		Commands: r.Commands, Shell: r.Shell, Dir: work, ContinueOnError: r.ContinueOnError,
		Env:   process.Env{Host: host, Temp: filepath.Join(dir, "tmp"), GitCeiling: []string{dir}, Own: own, Job: r.Env}.Build(),
		Grace: func(error) time.Duration { return grace }, PipeWait: grace,
		Before: func(i int) error {
			outputs = append(outputs, &[2]output{{limit: limit}, {limit: limit}})
			log.write(errand.System, i, []byte("$ "+r.Commands[i].String()+"\n"))
			return nil
		},
		Output: func(i int, st errand.Stream) io.Writer {
			o := &outputs[i][0]
			if st == errand.Stderr {
				o = &outputs[i][1]
			}
			o.log = func(b []byte) { log.write(st, i, b) }
			return o
		},
		After: func(i int, st process.Step) {
			if outputs[i][0].dropped || outputs[i][1].dropped {
				log.write(errand.System, i, []byte("errand: the output limit of direct mode was reached: the rest was dropped\n"))
			}
			if r.ContinueOnError && len(r.Commands) > 1 {
				log.write(errand.System, i, fmt.Appendf(nil, "errand: exit code %d\n", st.Code))
			}
		},
	}
	steps, err := s.Run(ctx)
	for i, st := range steps {
		out.Commands = append(out.Commands, command(st, outputs[i]))
	}
	return err
}

func command(st process.Step, o *[2]output) errand.DirectCommand {
	return errand.DirectCommand{
		ExitCode: st.Code, Signal: st.Signal, DurationMs: st.Duration.Milliseconds(),
		Stdout: o[0].kept, Stderr: o[1].kept, Truncated: o[0].dropped || o[1].dropped,
	}
}

// setStatus sets how the request ended.
func setStatus(ctx context.Context, r errand.DirectRequest, err error, out *errand.DirectResult) {
	if err == nil {
		code := 0
		for _, c := range out.Commands {
			if c.ExitCode != 0 {
				code = c.ExitCode
				break
			}
		}
		out.Status, out.ExitCode = errand.Completed, &code
		return
	}
	out.Status, out.Reason, out.Error = errand.Failed, errand.ReasonAgentError, err.Error()
	var start *process.StartError
	switch {
	case errors.Is(err, process.ErrTimeout) || ctx.Err() != nil:
		out.Reason = errand.ReasonTimedOut
		out.Error = fmt.Sprintf("the job ran longer than its timeout of %v, which includes the download of the source", timeout(r))
	case errors.Is(err, source.ErrUnavailable):
		out.Reason = errand.ReasonSourceUnavailable
	case errors.As(err, new(setupError)):
		out.Reason = errand.ReasonSetupFailed
	case errors.As(err, &start):
		out.Reason = errand.ReasonStartFailed
	}
}
