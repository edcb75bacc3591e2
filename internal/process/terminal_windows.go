package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/errandhq/errand"
)

// console is a pseudo console. What is drawn on it can be read, until it is closed.
//
// https://learn.microsoft.com/en-us/windows/console/creating-a-pseudoconsole-session
type console struct {
	handle windows.Handle
	runner []string // starts programs under it
	size   errand.Terminal
	input  *os.File      // what is written to it is typed
	close  func()        // begins to end it; what was drawn can still be read
	ending chan struct{} // closed when that has begun
	ended  chan struct{} // closed when it has ended
}

var createPseudoConsole = windows.NewLazySystemDLL("kernel32.dll").NewProc("CreatePseudoConsole")

// openTerminal opens a pseudo console: what programs under it draw can be read from r; w
// is its other end. Errors: errors.ErrUnsupported.
func openTerminal(t *errand.Terminal, runner []string) (r, w *os.File, c *console, err error) {
	if runner == nil || createPseudoConsole.Find() != nil {
		return nil, nil, nil, errors.ErrUnsupported
	}
	keys, input, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer keys.Close() // the console has a copy
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, nil, errors.Join(err, input.Close())
	}
	c = &console{runner: runner, size: *t, input: input, ending: make(chan struct{}), ended: make(chan struct{})}
	size := windows.Coord{X: int16(t.Columns), Y: int16(t.Rows)} //nolint:gosec // at most MaxTerminalSize
	if err := windows.CreatePseudoConsole(size, windows.Handle(keys.Fd()), windows.Handle(w.Fd()), 0, &c.handle); err != nil {
		return nil, nil, nil, errors.Join(err, input.Close(), r.Close(), w.Close())
	}
	c.close = sync.OnceFunc(func() {
		close(c.ending)
		go func() { // it may take until all is read
			windows.ClosePseudoConsole(c.handle)
			close(c.ended)
		}()
	})
	return r, w, c, nil
}

// end ends the console, if there is one. What it drew must have been read, or its pipe
// be closed.
func (c *console) end() {
	if c == nil {
		return
	}
	c.close()
	<-c.ended
	c.input.Close()
}

// endTime is how long a console that ends may take to draw the rest.
const endTime = 5 * time.Second

// settleTime is how long output may still come when the leader has ended. A console draws
// a moment after its programs have written.
func (c *console) settleTime() time.Duration {
	if c != nil {
		select {
		case <-c.ending:
			return endTime
		default:
		}
	}
	return settleTime
}

// output is where what the console draws goes, on the way to w.
func (c *console) output(w io.Writer) io.Writer {
	if c == nil {
		return w
	}
	return &drawing{w: w, answer: c.typeIn, rows: c.size.Rows, columns: c.size.Columns}
}

// typeIn types what a program or the console reads. A console that has ended ignores it.
func (c *console) typeIn(s string) { _, _ = c.input.WriteString(s) }

const ctrlC = "\x03"

// startUnder starts a program, under the console if there is one. os/exec can't do that.
// So that the program has the console for its output and no input, RunOnConsole starts it:
// which handles a process gets that has none is not documented, and Wine gives it none.
func startUnder(c *console, cmd *exec.Cmd) error {
	if c == nil {
		return cmd.Start()
	}
	attributes, err := windows.NewProcThreadAttributeList(1)
	if err != nil {
		return err
	}
	defer attributes.Delete()
	err = attributes.Update(windows.PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, *(*unsafe.Pointer)(unsafe.Pointer(&c.handle)), unsafe.Sizeof(c.handle))
	if err != nil {
		return err
	}
	start := windows.StartupInfoEx{ProcThreadAttributeList: attributes.List()}
	start.Cb, start.Flags = uint32(unsafe.Sizeof(start)), windows.STARTF_USESTDHANDLES // not this process's
	return create(cmd, c.runner, &start)
}

// create starts a program by the runner, so that cmd.Wait can wait for it.
func create(cmd *exec.Cmd, runner []string, start *windows.StartupInfoEx) error {
	line := cmd.SysProcAttr.CmdLine
	if line == "" {
		line = windows.ComposeCommandLine(cmd.Args)
	}
	path, pathErr := windows.UTF16PtrFromString(runner[0])
	arguments, lineErr := windows.UTF16PtrFromString(windows.ComposeCommandLine(slices.Concat(runner, []string{cmd.Path, line})))
	dir, dirErr := windows.UTF16PtrFromString(cmd.Dir)
	environment, envErr := environmentBlock(cmd.Environ())
	if err := errors.Join(pathErr, lineErr, dirErr, envErr); err != nil {
		return err
	}
	flags := cmd.SysProcAttr.CreationFlags | windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT
	flags &^= windows.CREATE_NEW_PROCESS_GROUP // which would ignore Ctrl-C
	var p windows.ProcessInformation
	if err := windows.CreateProcess(path, arguments, nil, nil, false, flags, environment, dir, &start.StartupInfo, &p); err != nil {
		return err
	}
	defer windows.CloseHandle(p.Process) // until then, its ID is its own
	defer windows.CloseHandle(p.Thread)
	var err error
	if cmd.Process, err = os.FindProcess(int(p.ProcessId)); err != nil {
		_ = windows.TerminateProcess(p.Process, 1)
	}
	return err
}

var setConsoleCtrlHandler = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetConsoleCtrlHandler")

// RunOnConsole runs a program, given by its path and its command line, with this process's
// console for its output and no input. It returns its exit code, or exitNotStarted. A
// Sequence with a terminal starts it, as Sequence.Console.
func RunOnConsole(args []string) int {
	if len(args) != 2 {
		return exitNotStarted
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // is the program's
	// A process inherits that another one, which has a group of its own, ignores Ctrl-C.
	_, _, _ = setConsoleCtrlHandler.Call(0, 0)
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return exitNotStarted
	}
	cmd := &exec.Cmd{Path: args[0], Stdout: out, Stderr: out, SysProcAttr: &syscall.SysProcAttr{CmdLine: args[1]}}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	fmt.Fprintf(out, "errand: could not start %s: %v\n", args[0], unwrapPath(err))
	return exitNotStarted
}

// exitNotStarted is what shells exit with if they can't start a program.
const exitNotStarted = 126

// environmentBlock is env as CreateProcess takes it.
func environmentBlock(env []string) (*uint16, error) {
	var block []uint16
	for _, e := range env {
		variable, err := windows.UTF16FromString(e)
		if err != nil {
			return nil, err
		}
		block = append(block, variable...)
	}
	return &append(block, 0, 0)[0], nil
}

const canPollTerminals = false

// HasTerminals says whether a Sequence with this Console can run commands under a
// pseudo-terminal. The first call tries it: before Windows 10 1809 there are none.
func HasTerminals(console []string) bool {
	if console == nil || createPseudoConsole.Find() != nil {
		return false
	}
	tried.mu.Lock()
	defer tried.mu.Unlock()
	key := strings.Join(console, "\x00")
	has, known := tried.has[key]
	if !known {
		has = tryTerminal(console)
		tried.has[key] = has
	}
	return has
}

// tried is what HasTerminals has found.
var tried = struct {
	mu  sync.Mutex
	has map[string]bool
}{has: map[string]bool{}}

// tryTerminal runs a command that writes to a terminal.
func tryTerminal(console []string) bool {
	const limit, text = 20 * time.Second, "a terminal"
	p := defaultShell("echo " + text)
	var out bytes.Buffer
	p.Dir, p.Env, p.Stdout, p.console = os.TempDir(), os.Environ(), &out, console
	p.terminal = &errand.Terminal{Columns: errand.DefaultColumns, Rows: errand.DefaultRows}
	p.Grace = func(error) time.Duration { return 0 }
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := p.Run(ctx)
	return err == nil && strings.Contains(out.String(), text)
}
