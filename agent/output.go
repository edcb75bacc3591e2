package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// capture keeps the beginning and the end of a stream, its length and hash.
type capture struct {
	bytes int64
	sum   hash.Hash
	head  []byte // the first ≤ OutputHeadBytes
	tail  []byte // the end of the rest: ≤ twice OutputTailBytes, cut when it is more
}

// newCaptures is for stdout and stderr of a command.
func newCaptures() *[2]capture {
	return &[2]capture{{sum: sha256.New()}, {sum: sha256.New()}}
}

// Write implements io.Writer. It never fails.
func (c *capture) Write(p []byte) (int, error) {
	n := len(p)
	c.sum.Write(p)
	c.bytes += int64(n)
	room := min(errand.OutputHeadBytes-len(c.head), n)
	c.head = append(c.head, p[:room]...)
	p = p[room:]
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

// output is what the result says of the stream.
func (c *capture) output() errand.Output {
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

// cutPartialRune moves a character that b's end cuts in two out of b: text
// stays text. What isn't UTF-8 anyway stays whole.
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

// dropPartialRune drops the rest of a character that b begins with.
func dropPartialRune(b []byte) []byte {
	for n := 0; n < utf8.UTFMax && n < len(b); n++ {
		if utf8.RuneStart(b[n]) {
			return b[n:]
		}
	}
	return b
}

// trim makes the result as JSON fit into limit bytes, by cutting heads and tails
// shorter, and, of hundreds of commands, leaving out the streams' hashes. The
// whole output is in the log.
func trim(r *errand.Result, limit int) {
	for keep := errand.OutputHeadBytes / 2; kept(r) > limit || jsonSize(r) > limit; keep /= 2 {
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

// kept is how many bytes of output the result holds: no more than its size as JSON.
func kept(r *errand.Result) int {
	n := 0
	for _, c := range r.Commands {
		n += len(c.Stdout.Head) + len(c.Stdout.Tail) + len(c.Stderr.Head) + len(c.Stderr.Tail)
	}
	return n
}

func jsonSize(r *errand.Result) int {
	b, err := json.Marshal(r)
	if err != nil {
		return 0 // it can't be sent at all, which the caller will find
	}
	return len(b)
}
