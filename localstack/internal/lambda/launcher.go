package lambda

import (
	"os/exec"
	"runtime"
	"sync"
)

// A launcher starts processes from one thread that lives as long as it does.
// Linux ends a process whose parent is to take it along when the thread ends
// that started it, not the program; and Go ends threads at will.
type launcher struct {
	begin, end sync.Once
	calls      chan func()
	ended      chan struct{}
}

// start starts cmd in a group of its own.
func (l *launcher) start(cmd *exec.Cmd) (g *group, err error) {
	l.begin.Do(func() {
		l.calls, l.ended = make(chan func()), make(chan struct{})
		go l.run()
	})
	done := make(chan struct{})
	l.calls <- func() {
		defer close(done)
		g, err = startGroup(cmd)
	}
	<-done
	return g, err
}

func (l *launcher) run() {
	defer close(l.ended)
	runtime.LockOSThread() // and never unlocked: the thread ends with this
	for f := range l.calls {
		f()
	}
}

// close ends the thread. Nothing is started after it.
func (l *launcher) close() {
	l.end.Do(func() {
		l.begin.Do(func() {})
		if l.calls != nil {
			close(l.calls)
			<-l.ended
		}
	})
}
