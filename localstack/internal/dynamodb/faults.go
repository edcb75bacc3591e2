package dynamodb

import "github.com/errandhq/errand/localstack/internal/kv"

// Faults makes reads stale where AWS permits it: eventually consistent reads,
// and every read of a global secondary index. Consistent reads, conditions and
// transactions never ask it.
type Faults interface {
	// BeforeWrite is called before each write of items is applied.
	BeforeWrite()
	// View is the space as it is now, or as it was at an earlier moment, until
	// done is called. global says that a global secondary index is read.
	View(space *kv.Space, global bool) (view *kv.Space, done func())
}

type noFaults struct{}

func (noFaults) BeforeWrite()                                 {}
func (noFaults) View(s *kv.Space, _ bool) (*kv.Space, func()) { return s, func() {} }

// view is where a read of a table, or of its index x, reads from.
func (e *Engine) view(consistent bool, x *index) (*kv.Space, func()) {
	if consistent {
		return e.Keys, func() {}
	}
	return e.faults.View(e.Keys, x != nil && !x.local)
}
