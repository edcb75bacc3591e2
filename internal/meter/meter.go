// Package meter counts how much of something is done, and says so every few seconds in the
// log of a job.
package meter

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// Meter counts bytes. It is safe for concurrent use; of a nil Meter, nothing is counted.
type Meter struct{ done, total atomic.Int64 }

// Start begins anew, with nothing done of total bytes; 0: how many is unknown.
func (m *Meter) Start(total int64) {
	if m != nil {
		m.done.Store(0)
		m.total.Store(total)
	}
}

// Add says that n more bytes are done; n may be negative.
func (m *Meter) Add(n int64) {
	if m != nil {
		m.done.Add(n)
	}
}

// Done is how many bytes are done.
func (m *Meter) Done() int64 { return m.done.Load() }

const (
	// firstLine is when the first line comes, and the least time between two.
	firstLine = 5 * time.Second
	// lastLine is the most time between two lines: what takes long says it less often.
	lastLine = 30 * time.Second
)

// Say calls say with a line that says how much is done, every few seconds, until stop. say
// must not block. When stop returns, no call is under way.
func (m *Meter) Say(clk clock.Clock, what string, say func(line string)) (stop func()) {
	l := &lines{meter: m, clock: clk, what: what, say: say, began: clk.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = clk.AfterFunc(firstLine, l.next)
	return l.stop
}

type lines struct {
	meter *Meter
	clock clock.Clock
	what  string
	say   func(string)
	began time.Time

	mu      sync.Mutex
	cancel  func() bool
	stopped bool
}

func (l *lines) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	took := l.clock.Now().Sub(l.began)
	l.say(l.meter.line(l.what, took))
	l.cancel = l.clock.AfterFunc(min(max(took/10, firstLine), lastLine), l.next)
}

func (l *lines) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.cancel()
}

func (m *Meter) line(what string, took time.Duration) string {
	done, total := m.done.Load(), m.total.Load()
	if done == 0 && total == 0 {
		return fmt.Sprintf("%s: %.0f s", what, took.Seconds())
	}
	of := ""
	if total > 0 {
		of = " of " + SizeText(total)
	}
	return fmt.Sprintf("%s: %s%s, %s/s", what, SizeText(done), of, SizeText(int64(float64(done)/took.Seconds())))
}

// SizeText is a size as a person reads it.
func SizeText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/1000, "kB"
	for _, u := range []string{"MB", "GB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, u
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
