package dynamodb

import "github.com/errandhq/errand/localstack/internal/kv"

// Past knows what stood in the store a while ago. Reads that AWS lets be stale
// (eventually consistent ones, and all of a global secondary index) go through
// it; consistent reads, conditions and transactions never do.
type Past interface {
	// Keep is called before each write of items is applied.
	Keep()
	// View is space as it is, or was at an earlier moment, until done is called.
	// global: what is read is a global secondary index.
	View(space *kv.Space, global bool) (view *kv.Space, done func())
}

type noPast struct{}

func (noPast) Keep()                                        {}
func (noPast) View(s *kv.Space, _ bool) (*kv.Space, func()) { return s, func() {} }

// view is where a read of a table, or of its index x, reads from.
func (e *Engine) view(consistent bool, x *index) (*kv.Space, func()) {
	if consistent {
		return e.space, func() {}
	}
	return e.past.View(e.space, x != nil && !x.local)
}
