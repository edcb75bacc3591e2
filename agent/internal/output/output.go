// Package output keeps of each stream of a command what its result shows: the
// beginning, the end, the length and the hash.
package output

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// A Capture keeps the head and the tail of a stream, its length and its hash.
type Capture struct {
	mu    sync.Mutex
	bytes int64
	sum   hash.Hash
	head  []byte // at most OutputHeadBytes
	tail  []byte // what follows: at most twice OutputTailBytes, cut from the front
}

// New returns an empty capture.
func New() *Capture { return &Capture{sum: sha256.New()} }

// Write implements io.Writer. It never fails.
func (c *Capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	c.sum.Write(p)
	c.bytes += int64(n)
	head := min(errand.OutputHeadBytes-len(c.head), n)
	c.head = append(c.head, p[:head]...)
	p = p[head:]
	if len(p) > errand.OutputTailBytes {
		p = p[len(p)-errand.OutputTailBytes:]
		c.tail = c.tail[:0]
	}
	if len(c.tail)+len(p) > 2*errand.OutputTailBytes {
		keep := errand.OutputTailBytes - len(p)
		c.tail = append(c.tail[:0], c.tail[len(c.tail)-keep:]...)
	}
	c.tail = append(c.tail, p...)
	return n, nil
}

// Output returns the stream as the result reports it.
func (c *Capture) Output() errand.Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := errand.Output{Bytes: c.bytes, SHA256: hex.EncodeToString(c.sum.Sum(nil))}
	if len(c.tail) == 0 {
		o.Head = c.head
		return o
	}
	head, part := cutPartialRune(c.head)
	tail := slices.Concat(part, c.tail)
	tail = tail[max(0, len(tail)-errand.OutputTailBytes):]
	if c.bytes > int64(len(head)+len(tail)) {
		tail = dropPartialRune(tail)
	}
	o.Head, o.Tail = head, tail
	return o
}

// cutPartialRune splits off an incomplete UTF-8 sequence at b's end.
func cutPartialRune(b []byte) (whole, part []byte) {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		at := len(b) - n
		if utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return b[:at:at], append([]byte(nil), b[at:]...)
			}
			break
		}
	}
	return b, nil
}

// dropPartialRune drops the end of a UTF-8 sequence at b's start.
func dropPartialRune(b []byte) []byte {
	for n := 0; n < utf8.UTFMax && n < len(b); n++ {
		if utf8.RuneStart(b[n]) {
			return b[n:]
		}
	}
	return b
}

// Trim makes the result fit into limit bytes of JSON: it shortens heads and tails
// and, if there are hundreds of commands, drops the streams' hashes. The log has
// the whole output.
func Trim(r *errand.Result, limit int) {
	for keep := errand.OutputHeadBytes / 2; outputBytes(r) > limit || Size(r) > limit; keep /= 2 {
		for i := range r.Commands {
			trimOutput(&r.Commands[i].Stdout, keep)
			trimOutput(&r.Commands[i].Stderr, keep)
		}
		if keep == 0 {
			return
		}
	}
}

func trimOutput(o *errand.Output, keep int) {
	all := append(append([]byte(nil), o.Head...), o.Tail...)
	if keep == 0 {
		o.SHA256 = ""
	}
	if len(all) <= keep {
		return
	}
	o.Head, _ = cutPartialRune(all[:keep:keep])
	o.Tail = nil
	if rest := all[keep:]; len(rest) > 0 && keep > 0 {
		o.Tail = dropPartialRune(rest[max(0, len(rest)-keep):])
	}
}

// outputBytes returns a lower bound of the result's size as JSON, fast.
func outputBytes(r *errand.Result) int {
	n := 0
	for _, c := range r.Commands {
		n += len(c.Stdout.Head) + len(c.Stdout.Tail) + len(c.Stderr.Head) + len(c.Stderr.Tail)
	}
	return n
}

// Size returns the length of the result as JSON.
func Size(r *errand.Result) int {
	b, err := json.Marshal(r)
	if err != nil {
		return 0 // sending it will fail and say why
	}
	return len(b)
}
