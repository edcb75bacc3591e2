package dynamodb

import "github.com/errandhq/errand/localstack/internal/kv"

// Faults makes reads stale where AWS permits it: eventually consistent reads, and
// all reads of a global secondary index. It isn't used for consistent reads,
// conditions and transactions.
type Faults interface {
	// BeforeWrite is called before each write of items is applied.
	BeforeWrite()
	// View returns the space as it is now, or as it was at an earlier moment, until
	// done is called. global reports that the read is of a global secondary index.
	View(space *kv.Space, global bool) (view *kv.Space, done func())
}

type noFaults struct{}

func (noFaults) BeforeWrite()                                 {}
func (noFaults) View(s *kv.Space, _ bool) (*kv.Space, func()) { return s, func() {} }

// view returns what a read of a table, or of its index x, reads from.
func (e *Engine) view(consistent bool, x *index) (*kv.Space, func()) {
	if consistent {
		return e.Keys, func() {}
	}
	return e.faults.View(e.Keys, x != nil && !x.local)
}
