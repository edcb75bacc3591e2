package dynamodb

import (
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A batch is a kv.Batch in the engine's space.
type batch struct {
	b     *kv.Batch
	space *kv.Space
}

func (b batch) Set(key, v []byte)          { b.b.Set(b.space, key, v) }
func (b batch) Delete(key []byte)          { b.b.Delete(b.space, key) }
func (b batch) DeletePrefix(prefix []byte) { b.b.DeleteRange(b.space, prefix, value.Successor(prefix)) }
