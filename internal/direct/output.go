package direct

import (
	"encoding/json"
	"sync"

	"github.com/errandhq/errand"
)

// maxAnswerBytes limits the answer as JSON, in which a control character takes six
// bytes. A Lambda function passes it on, whose own response is limited to 6 MB.
const maxAnswerBytes = 4 << 20

// outputLimit is shared by the outputs of all commands.
type outputLimit struct {
	mu   sync.Mutex
	left int
}

// take takes up to n bytes, and returns how many.
func (l *outputLimit) take(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = min(n, l.left)
	l.left -= n
	return n
}

// output keeps a stream up to the limit, and drops the rest.
type output struct {
	limit   *outputLimit
	kept    []byte
	dropped bool
	log     func([]byte) // is given what is kept
}

// Write implements io.Writer. It never fails.
func (o *output) Write(p []byte) (int, error) {
	n := o.limit.take(len(p))
	o.kept = append(o.kept, p[:n]...)
	if o.log != nil && n > 0 {
		o.log(p[:n])
	}
	o.dropped = o.dropped || n < len(p)
	return len(p), nil
}

// trim shortens the outputs until the answer is short enough as JSON.
func trim(r *errand.DirectResult) {
	for keep := errand.MaxDirectOutputBytes / 2; keep > 0 && size(r) > maxAnswerBytes; keep /= 2 {
		for i := range r.Commands {
			c := &r.Commands[i]
			for _, o := range []*errand.Bytes{&c.Stdout, &c.Stderr} {
				if len(*o) > keep {
					*o, c.Truncated = (*o)[:keep], true
				}
			}
		}
	}
}

func size(r *errand.DirectResult) int {
	b, err := json.Marshal(r)
	if err != nil {
		return 0 // encoding the answer will fail and say why
	}
	return len(b)
}
