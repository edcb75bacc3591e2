package process

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

// pipes copy a program's two streams to their writers.
type pipes struct {
	r, w    [2]*os.File
	console *console      // nil: none
	ordered *ordered      // nil: one goroutine for each stream
	done    chan struct{} // closed when both are at their end
	mu      sync.Mutex
	werr    error // the first error of a writer
}

// newPipes makes the terminal or two pipes, and starts to copy. If a writer fails, newPipes ends the program by calling
// cancel, and discards the rest of the output so that the program isn't blocked.
func (p Program) newPipes(cancel context.CancelCauseFunc) (*pipes, error) {
	out := &pipes{done: make(chan struct{})}
	if err := out.open(p.terminal, p.console); err != nil {
		return nil, err
	}
	out.copy(p.Stdout, p.Stderr, cancel)
	return out, nil
}

// open opens a terminal, which takes both streams, or else two pipes.
func (p *pipes) open(t *errand.Terminal, console []string) (err error) {
	if t != nil {
		p.r[0], p.w[0], p.console, err = openTerminal(t, console)
		p.w[1] = p.w[0]
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for i := range p.r {
		if p.r[i], p.w[i], err = os.Pipe(); err != nil {
			for j := range i {
				p.r[j].Close()
				p.w[j].Close()
			}
			return err
		}
	}
	return nil
}

// copy copies what the program writes, until both streams are at their end.
func (p *pipes) copy(stdout, stderr io.Writer, cancel context.CancelCauseFunc) {
	writers := [2]io.Writer{stdout, stderr}
	for i, w := range writers {
		if w == nil {
			writers[i] = io.Discard
		}
	}
	if p.console != nil {
		writers[0] = p.console.output(writers[0])
	}
	if (p.r[1] != nil || canPollTerminals) && p.copyInOrder(writers, cancel) {
		return
	}
	var wg sync.WaitGroup
	for i, r := range p.r {
		if r != nil { // a terminal has one stream
			wg.Go(func() { p.copyStream(writers[i], r, cancel) })
		}
	}
	go func() {
		wg.Wait()
		close(p.done)
	}()
}

// copyInOrder copies two pipes as they become readable, by one goroutine, so that the
// order of their output is kept as far as two pipes can tell it. It returns false where
// the system lacks the means.
func (p *pipes) copyInOrder(writers [2]io.Writer, cancel context.CancelCauseFunc) bool {
	o, err := newOrdered(p.r)
	if err != nil {
		return false
	}
	p.ordered = o
	go func() {
		defer close(p.done)
		o.read(func(i int, b []byte) {
			if _, err := writers[i].Write(b); err != nil {
				writers = [2]io.Writer{io.Discard, io.Discard}
				p.fail(err)
				cancel(&OutputError{err})
			}
		})
	}()
	return true
}

func (p *pipes) copyStream(w io.Writer, r io.Reader, cancel context.CancelCauseFunc) {
	if err := copyAll(w, r); err != nil {
		p.fail(err)
		cancel(&OutputError{err})
		_, _ = io.Copy(io.Discard, r)
	}
}

// copyAll copies r to w as data arrives. It returns only w's errors: a pipe that
// can't be read is at its end.
func copyAll(w io.Writer, r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return nil //nolint:nilerr // a pipe that can't be read is at its end
		}
	}
}

func (p *pipes) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.werr == nil {
		p.werr = err
	}
}

func (p *pipes) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.werr
}

// closeWriters closes this process's copies of the ends that the program writes to.
func (p *pipes) closeWriters() {
	for _, f := range p.w {
		f.Close() // a terminal's twice, which does nothing
	}
}

// wait waits until both streams are at their end, at most d.
func (p *pipes) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
}

// settle waits for what a leader that has ended wrote, and a moment for others that hold
// its pipes.
func (p *pipes) settle() {
	if p.ordered != nil {
		p.ordered.drain()
		select {
		case <-p.ordered.drained:
		case <-p.done:
		}
	}
	p.wait(p.console.settleTime())
}

// settleTime is how long output may still come when the leader has ended and other
// processes hold its pipes.
const settleTime = 50 * time.Millisecond

// drainWait is how long the pipes may take to empty after the group was killed.
const drainWait = 250 * time.Millisecond

// abort ends the copying, even if a process still holds the other ends.
func (p *pipes) abort() {
	if p.console != nil {
		p.console.close()
	}
	p.wait(drainWait)
	if p.ordered != nil {
		p.ordered.stop()
		<-p.done // it reads the files' descriptors
		p.ordered.close()
	}
	for _, f := range p.r {
		if f != nil {
			f.Close()
		}
	}
	<-p.done
	p.console.end()
}
