// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html

package dynamodb

import (
	"context"
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Limits of a BatchGetItem: keys, and bytes of items in total and per table. The
// keys beyond are returned as unprocessed.
const (
	maxBatchGet   = 100
	maxBatchBytes = 16 << 20
	maxBatchTable = 1<<20 + maxItemSize
)

const duplicateKeys = "Provided list of item keys contains duplicates"

// BatchGetItem reads items of several tables.
func (e *Engine) BatchGetItem(ctx context.Context, in *BatchGetItemInput) (*BatchGetItemOutput, error) {
	paths, err := in.check()
	if err != nil {
		return nil, err
	}
	out := &BatchGetItemOutput{Responses: map[string][]Item{}, UnprocessedKeys: map[string]KeysAndAttributes{}}
	names := slices.Sorted(maps.Keys(in.RequestItems))
	tables := map[string]*table{}
	e.mu.RLock()
	for _, name := range names {
		if tables[name], err = e.findTable(ctx, &name); err != nil {
			break
		}
	}
	e.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	left := maxBatchBytes
	for _, name := range names {
		g := batchGet{KeysAndAttributes: in.RequestItems[name], name: name, t: tables[name], paths: paths[name], left: min(left, maxBatchTable)}
		used, err := e.batchGet(&g, out)
		if err != nil {
			return nil, err
		}
		left -= g.size
		out.total += used.bill().total
		if c := used.consumed(in.ReturnConsumedCapacity, name); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
	}
	return out, nil
}

// A batchGet is the part of a BatchGetItem for one table. left is how many bytes of
// items it may still read, size how many it has read.
type batchGet struct {
	KeysAndAttributes
	name       string // of the table, or its ARN
	t          *table
	paths      []expr.Path
	left, size int
}

// batchGet reads the keys of one table into out. An unprocessed key is billed too,
// as a read of no bytes.
func (e *Engine) batchGet(g *batchGet, out *BatchGetItemOutput) (used units, err error) {
	if err := g.checkKeys(); err != nil {
		return used, err
	}
	items := []Item{}
	for i, key := range g.Keys {
		it, size, err := e.get(g.t, key, g.paths, g.ConsistentRead)
		if err != nil {
			return used, err
		}
		if g.size+size >= g.left {
			rest := g.KeysAndAttributes
			rest.Keys = g.Keys[i:]
			out.UnprocessedKeys[g.name] = rest
			used.table += readUnits(0, g.ConsistentRead) * float64(len(rest.Keys))
			break
		}
		g.size += size
		used.table += readUnits(size, g.ConsistentRead)
		if it != nil {
			items = append(items, it)
		}
	}
	out.Responses[g.name] = items
	return used, nil
}

// checkKeys checks the keys against the table.
func (g *batchGet) checkKeys() error {
	seen := map[string]bool{}
	for _, key := range g.Keys {
		if err := g.t.checkKey(key); err != nil {
			return err
		}
		at := string(g.t.itemKey(key))
		if seen[at] {
			return invalid(duplicateKeys)
		}
		seen[at] = true
	}
	return nil
}

// check returns the projection for each table.
func (in *BatchGetItemInput) check() (map[string][]expr.Path, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	all, n := map[string][]expr.Path{}, 0
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		r := in.RequestItems[name]
		p := params{projection: r.ProjectionExpression, names: r.ExpressionAttributeNames}
		paths, err := p.projectionOr(r.AttributesToGet, func() error { return nil })
		if err != nil {
			return nil, err
		}
		all[name] = paths
		for i, key := range r.Keys {
			if err := checkValues(key); err != nil {
				return nil, err
			}
			if slices.ContainsFunc(r.Keys[:i], func(k Item) bool { return value.EqualItems(k, key) }) {
				return nil, invalid(duplicateKeys)
			}
			if n++; n > maxBatchGet {
				return nil, invalid("Too many items requested for the BatchGetItem call")
			}
		}
	}
	return all, nil
}
