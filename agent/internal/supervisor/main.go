package supervisor

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
)

// Main is a supervisor's process. Its arguments are the agent's data directory and the
// number of the slot. It returns the exit code.
func Main(args []string) int {
	if code, done := runOnConsole(args); done {
		return code
	}
	if err := run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: supervise DATA SLOT; agents start it")
	}
	slot, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("slot: %w", err)
	}
	d := dirOf(args[0], slot)
	unlock, err := d.awaitLock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := endWithThis(); err != nil {
		return err
	}
	process.AdoptOrphans()
	l, err := d.listen()
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	s := New(clock.Real())
	s.ownProcess = true
	runtime.GOMAXPROCS(1)
	defer s.handleSignals()()
	go s.accept(l)
	if _, err := os.Stdout.WriteString(ready); err != nil {
		return err
	}
	os.Stdout.Close()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // open until the agent has connected or ended
		s.leave(nil)
	}()
	s.Wait()
	return nil
}

// useAllProcessors is for what computes much, until stop. All else that a supervisor does is
// a few steps after each other, for which a second processor is only woken in vain.
func (s *Supervisor) useAllProcessors() (stop func()) {
	if !s.ownProcess {
		return func() {}
	}
	runtime.SetDefaultGOMAXPROCS()
	return func() { runtime.GOMAXPROCS(1) }
}

// awaitLock waits for the end of the supervisor before this one.
func (d slotDir) awaitLock() (unlock func(), err error) {
	l := d.lock()
	limit := time.Now().Add(startTime)
	for {
		locked, err := l.TryLock()
		switch {
		case err != nil:
			return nil, err
		case locked:
			return func() { _ = l.Close() }, nil // the process's end would do the same
		case time.Now().After(limit):
			return nil, fmt.Errorf("another supervisor has %s", d)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *Supervisor) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.serve(c)
	}
}

// handleSignals ends the running attempt at a SIGTERM, which the system's shutdown
// sends. What interrupts the agent's terminal isn't meant for the supervisor.
func (s *Supervisor) handleSignals() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for sig := range signals {
			if sig == syscall.SIGTERM {
				s.mu.Lock()
				s.handle(Request{End: &End{Reason: errand.ReasonWorkerStopped, Error: "the worker's machine ended the job"}})
				s.mu.Unlock()
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
