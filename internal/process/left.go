package process

import (
	"context"
	"path/filepath"
	"slices"
	"time"
)

// left is what still runs, or may, of the commands that have ended. Its processes
// run on until the last command has ended.
type left struct {
	all   []*leftover
	until time.Time // the end of the grace, once the processes were terminated
}

// add notes what a command left.
func (l *left) add(o *leftover) {
	if o != nil {
		l.all = append(l.all, o)
	}
}

// running returns the names of the processes that still run.
func (l *left) running() []string {
	var names []string
	if adopting {
		for _, pid := range descendants() {
			names = append(names, nameOf(pid))
		}
		return names
	}
	for _, o := range l.all {
		if o.group.alive() {
			names = append(names, filepath.Base(o.group.cmd.Path))
		}
	}
	return names
}

func (l *left) terminate(grace time.Duration) {
	l.until = time.Now().Add(grace)
	if grace > 0 {
		l.signal(false)
	}
}

// signal terminates or kills all processes.
func (l *left) signal(kill bool) {
	if adopting {
		for _, pid := range descendants() {
			signalDescendant(pid, kill)
		}
		return
	}
	for _, o := range l.all {
		switch {
		case !o.group.alive():
		case kill:
			o.group.kill()
		default:
			o.group.terminate()
		}
	}
}

// HasOrphans reports whether a process that a Sequence could not end is left to this
// process, after AdoptOrphans: one of another user.
func HasOrphans() bool { return adopting && len(descendants()) > 0 }

// killTime limits how long killed processes may take to be gone. One that another
// user runs, or that waits for a broken disk, isn't waited for.
const killTime = 5 * time.Second

// end ends all processes: terminates them, unless that was done, waits until the
// grace is over, and kills them.
func (l *left) end(grace time.Duration) {
	if l.until.IsZero() {
		l.terminate(grace)
	}
	if l.awaitEnd(l.until, false) {
		return
	}
	l.awaitEnd(time.Now().Add(killTime), true)
}

// awaitEnd waits until nothing runs, and reports whether that was before the limit.
func (l *left) awaitEnd(limit time.Time, kill bool) bool {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		if kill {
			l.signal(true) // again each time: a process may have forked meanwhile
		}
		if len(l.running()) == 0 {
			return true
		}
		if time.Now().After(limit) {
			return false
		}
		time.Sleep(wait)
	}
}

// close ends the copying of all output. Errors: *OutputError.
func (l *left) close() error {
	var first error
	for _, o := range l.all {
		if err := o.close(); first == nil {
			first = err
		}
	}
	l.all = nil
	return first
}

// endLeft ends the processes that outlive the last command. What holds its pipes may
// go on writing for PipeWait, unless it does nothing. Errors: *OutputError.
func (s *Sequence) endLeft(ctx context.Context) error {
	if n := len(s.left.all); n > 0 && ctx.Err() == nil {
		s.left.all[n-1].pipes.waitForBusy(s.program(s.Commands[0]).pipeWait())
	}
	names := s.left.running()
	if len(names) > 0 {
		if s.OnLeft != nil && ctx.Err() == nil {
			slices.Sort(names)
			s.OnLeft(names)
		}
		s.left.end(s.grace(context.Cause(ctx)))
	}
	return s.left.close()
}

const (
	// A process that sleeps for idleTime, as a server does, isn't about to write what
	// belongs to its command's output. idleInterval is how often it is looked at.
	idleTime     = 400 * time.Millisecond
	idleInterval = 50 * time.Millisecond
)

// waitForBusy waits until both streams are at their end, at most d, and no longer than
// idleTime for processes that do nothing.
func (p *pipes) waitForBusy(d time.Duration) {
	limit := time.NewTimer(d)
	defer limit.Stop()
	tick := time.NewTicker(idleInterval)
	defer tick.Stop()
	idle, last := time.Duration(0), int64(-1)
	for idle < idleTime {
		select {
		case <-p.done:
			return
		case <-limit.C:
			return
		case <-tick.C:
		}
		work, asleep := workOfDescendants()
		if idle += idleInterval; !asleep || work != last {
			idle, last = 0, work
		}
	}
}
