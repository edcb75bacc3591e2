package terminal

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ErrInterrupted is the cause of a context that a signal cancelled.
var ErrInterrupted = errors.New("interrupted")

// NotifyInterrupt returns a context that the first SIGINT or SIGTERM cancels,
// with ErrInterrupted as its cause. A second signal calls beforeExit and exits the
// process.
func NotifyInterrupt(ctx context.Context, beforeExit ...func()) (context.Context, func()) {
	first, second, stop := NotifyInterrupts(ctx)
	go func() {
		<-first.Done()
		<-second.Done()
		if IsInterrupted(second) {
			exitInterrupted(beforeExit)
		}
	}()
	return first, stop
}

// IsInterrupted reports whether a signal cancelled ctx.
func IsInterrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrInterrupted) }

// InterruptOr returns ErrInterrupted if a signal cancelled ctx and err is not
// nil, else err.
func InterruptOr(ctx context.Context, err error) error {
	if err != nil && IsInterrupted(ctx) {
		return ErrInterrupted
	}
	return err
}

// NotifyHangups is NotifyInterrupts, but a closed terminal counts as well: SIGHUP,
// unless it is ignored, as by nohup. A closed pipe doesn't end the process any more:
// writes fail.
func NotifyHangups(ctx context.Context) (first, second context.Context, stop func()) {
	signals := []os.Signal{syscall.SIGHUP}
	if signal.Ignored(syscall.SIGHUP) {
		signals = nil
	}
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	first, second, stopInterrupts := NotifyInterrupts(ctx, signals...)
	return first, second, func() {
		signal.Stop(broken)
		stopInterrupts()
	}
}

// ExitWhenInterrupted calls beforeExit and exits the process d after a signal cancelled
// ctx, unless stop was called: what it waits for may be a reader of its output that
// reads no more.
func ExitWhenInterrupted(ctx context.Context, d time.Duration, beforeExit ...func()) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		if IsInterrupted(ctx) {
			time.Sleep(d)
			exitInterrupted(beforeExit)
		}
	})
}

// NotifyInterrupts returns two contexts: the first signal cancels the one, the
// second signal the other. stop unregisters the signals and cancels both.
func NotifyInterrupts(ctx context.Context, also ...os.Signal) (first, second context.Context, stop func()) {
	first, cancelFirst := context.WithCancelCause(ctx)
	second, cancelSecond := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, append([]os.Signal{os.Interrupt, syscall.SIGTERM}, also...)...)
	done := make(chan struct{})
	go func() {
		countSignals(signals, done, func() { cancelFirst(ErrInterrupted) }, func() { cancelSecond(ErrInterrupted) })
	}()
	return first, second, func() {
		signal.Stop(signals)
		close(done)
		cancelFirst(nil)
		cancelSecond(nil)
	}
}

// countSignals calls first and second at those signals, until done is closed.
func countSignals(signals <-chan os.Signal, done <-chan struct{}, first, second func()) {
	var sig os.Signal
	select {
	case sig = <-signals:
	case <-done:
		return
	}
	came := time.Now()
	first()
	for {
		select {
		case next := <-signals:
			if sig == syscall.SIGTERM && next == sig && time.Since(came) < oneTermination {
				continue
			}
			second()
		case <-done:
		}
		return
	}
}

// oneTermination is a time in which all SIGTERMs are one: timeout(1) sends one to the
// process, and one to its group.
const oneTermination = time.Second

// exitInterrupted doesn't wait long for what it calls, which may write to a terminal
// that shows nothing more.
func exitInterrupted(before []func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, f := range before {
			f()
		}
	}()
	select {
	case <-done:
	case <-time.After(beforeExitTime):
	}
	os.Exit(ExitCancelled)
}

const beforeExitTime = 200 * time.Millisecond
