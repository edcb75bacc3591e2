package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// interruptible returns a context that the first signal ends, with
// errInterrupted as its cause; a second one ends the process.
func interruptible(ctx context.Context) (context.Context, func()) {
	first, second, stop := interrupts(ctx)
	go func() {
		<-first.Done()
		<-second.Done()
		if isInterrupted(second) {
			os.Exit(exitCancelled)
		}
	}()
	return first, stop
}

// isInterrupted reports whether a signal ended ctx.
func isInterrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errInterrupted) }

// unlessInterrupted is err, or errInterrupted where that is why it came about.
func unlessInterrupted(ctx context.Context, err error) error {
	if err != nil && isInterrupted(ctx) {
		return errInterrupted
	}
	return err
}

// interrupts returns two contexts: the first signal ends the one, the second
// signal the other. stop gives signals back to the system and ends both.
func interrupts(ctx context.Context) (first, second context.Context, stop func()) {
	first, endFirst := context.WithCancelCause(ctx)
	second, endSecond := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, end := range []context.CancelCauseFunc{endFirst, endSecond} {
			select {
			case <-signals:
				end(errInterrupted)
			case <-done:
				return
			}
		}
	}()
	return first, second, func() {
		signal.Stop(signals)
		close(done)
		endFirst(nil)
		endSecond(nil)
	}
}
