// Package enginetest helps to test what the stack logs.
package enginetest

import (
	"fmt"
	"sync"
)

// Log collects log lines. The zero value is ready.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Logf adds a line: it is for Config.Logf.
func (l *Log) Logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Take returns the lines since it was called last.
func (l *Log) Take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}
