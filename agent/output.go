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

// capture keeps the head and the tail of a stream, its length and its hash.
type capture struct {
	bytes int64
	sum   hash.Hash
	head  []byte // at most OutputHeadBytes
	tail  []byte // what follows: at most twice OutputTailBytes, cut from the front
}

// newCaptures returns captures for a command's stdout and stderr.
func newCaptures() *[2]capture {
	return &[2]capture{{sum: sha256.New()}, {sum: sha256.New()}}
}

// Write implements io.Writer. It never fails.
func (c *capture) Write(p []byte) (int, error) {
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

// output returns the stream as the result reports it.
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

// trim makes the result fit into limit bytes of JSON: it shortens heads and tails
// and, if there are hundreds of commands, drops the streams' hashes. The log has
// the whole output.
func trim(r *errand.Result, limit int) {
	for keep := errand.OutputHeadBytes / 2; outputBytes(r) > limit || jsonSize(r) > limit; keep /= 2 {
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

func jsonSize(r *errand.Result) int {
	b, err := json.Marshal(r)
	if err != nil {
		return 0 // sending it will fail and say why
	}
	return len(b)
}
