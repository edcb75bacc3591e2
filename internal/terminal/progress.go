package terminal

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	// progressDelay: what is over earlier shows no progress.
	progressDelay = 500 * time.Millisecond
	// progressLines is the time between two lines where there is no bar.
	progressLines = 5 * time.Second
)

// Progress shows on stderr how much of something is done: a bar on a terminal, a line
// every few seconds elsewhere. Its methods may be called at the same time.
type Progress struct {
	term  *Terminal
	what  string
	total int64

	mu      sync.Mutex
	done    int64
	started time.Time
	told    time.Time                // the last line
	bar     *progressbar.ProgressBar // on a terminal
	drawn   bytes.Buffer
}

// StartProgress begins with nothing done of total bytes. what is a verb, like "packing".
func (t *Terminal) StartProgress(what string, total int64) *Progress {
	now := t.now()
	p := &Progress{term: t, what: what, total: total, started: now, told: now}
	if t.stderrTTY {
		p.bar = progressbar.NewOptions64(max(total, 1), progressbar.OptionSetWriter(&p.drawn), progressbar.OptionSetDescription("errand: "+what),
			progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseANSICodes(true), progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(true))
	}
	return p
}

// Add says that n more bytes are done.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	now := p.term.now()
	switch {
	case p.term.quiet:
	case p.bar != nil:
		p.draw(now.Sub(p.started) >= progressDelay)
	case now.Sub(p.told) >= progressLines:
		p.told = now
		p.term.Notef("%s: %s of %s, %s/s", p.what, FormatBytes(p.done), FormatBytes(p.total), FormatBytes(p.rate(now)))
	}
}

func (p *Progress) rate(now time.Time) int64 {
	return int64(float64(p.done) / now.Sub(p.started).Seconds())
}

// draw shows the bar. The terminal removes it before it prints something else.
func (p *Progress) draw(shown bool) {
	_ = p.bar.Set64(min(p.done, p.total)) // a Buffer's writes don't fail
	defer p.drawn.Reset()
	if !shown || p.drawn.Len() == 0 {
		return
	}
	t := p.term
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hasBar {
		t.startLine()
	}
	t.hasBar = true
	_, _ = p.drawn.WriteTo(t.Stderr) // what can't be shown is not missed
}

// End removes the bar.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term.mu.Lock()
	defer p.term.mu.Unlock()
	p.term.clearBar()
}

// clearBar removes the bar from the terminal, until it is drawn again.
func (t *Terminal) clearBar() {
	if t.hasBar {
		fmt.Fprint(t.Stderr, "\r\x1b[2K")
		t.hasBar = false
	}
}
