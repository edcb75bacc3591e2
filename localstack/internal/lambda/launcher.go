package lambda

import (
	"os/exec"
	"runtime"
	"sync"
)

// A launcher starts processes from one thread, which lives as long as the launcher.
// Linux sends a process its parent death signal when the thread that started it
// ends, not when the program does, and Go may end a thread at any time.
type launcher struct {
	begin, end sync.Once
	calls      chan func()
	ended      chan struct{}
}

// start starts cmd in a process group of its own.
func (l *launcher) start(cmd *exec.Cmd, oneShot bool) (g *group, err error) {
	l.begin.Do(func() {
		l.calls, l.ended = make(chan func()), make(chan struct{})
		go l.run()
	})
	done := make(chan struct{})
	l.calls <- func() {
		defer close(done)
		g, err = startGroup(cmd, oneShot)
	}
	<-done
	return g, err
}

func (l *launcher) run() {
	defer close(l.ended)
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	for f := range l.calls {
		f()
	}
}

// close ends the thread. Nothing may be started after it.
func (l *launcher) close() {
	l.end.Do(func() {
		l.begin.Do(func() {})
		if l.calls != nil {
			close(l.calls)
			<-l.ended
		}
	})
}
