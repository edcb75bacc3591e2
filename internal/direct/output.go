package direct

import (
	"encoding/json"
	"sync"

	"github.com/errandhq/errand"
)

// maxAnswerBytes is what the answer may be long as JSON: it passes through a
// Lambda whose own answer is at most 6 MB, and a control character is six bytes
// in JSON.
const maxAnswerBytes = 4 << 20

// budget is the output that all commands may make together.
type budget struct {
	mu   sync.Mutex
	left int
}

// take takes up to n bytes, and says how many.
func (b *budget) take(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, b.left)
	b.left -= n
	return n
}

// output keeps what a stream says while there is room, and drops the rest.
type output struct {
	room    *budget
	kept    []byte
	dropped bool
}

// Write implements io.Writer. It never fails: the program doesn't notice.
func (o *output) Write(p []byte) (int, error) {
	n := o.room.take(len(p))
	o.kept = append(o.kept, p[:n]...)
	o.dropped = o.dropped || n < len(p)
	return len(p), nil
}

// fit cuts outputs until the answer isn't too long as JSON.
func fit(r *errand.DirectResult) {
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
		return 0 // it can't be answered at all, which the caller will find
	}
	return len(b)
}
