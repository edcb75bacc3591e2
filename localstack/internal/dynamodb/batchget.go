// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html

package dynamodb

import (
	"context"
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Limits of a BatchGetItem: keys, and bytes of items in total and per partition. The
// keys beyond are returned as unprocessed. By AWS's example, 52 items of 300 KB fit
// into 16 MB, so these are decimal.
const (
	maxBatchGet       = 100
	maxBatchBytes     = 16_000_000
	maxBatchPartition = 1 << 20

	// As measured on AWS in a small provisioned table (dynalite).
	maxBatchProvisioned = maxBatchPartition + maxItemSize
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
		g := batchGet{KeysAndAttributes: in.RequestItems[name], name: name, t: tables[name], paths: paths[name], left: &left}
		used, err := e.batchGet(&g, out)
		if err != nil {
			return nil, err
		}
		out.total += used.bill().total
		if c := used.consumed(in.ReturnConsumedCapacity, name); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
	}
	return out, nil
}

// A batchGet is the part of a BatchGetItem for one table. left is how many bytes of
// items the whole request may still read.
type batchGet struct {
	KeysAndAttributes
	name       string // of the table, or its ARN
	t          *table
	paths      []expr.Path
	left       *int
	partitions map[string]int // bytes of items read, by partition key
}

// batchGet reads the keys of one table into out. An unprocessed key is billed too,
// as a read of no bytes.
func (e *Engine) batchGet(g *batchGet, out *BatchGetItemOutput) (used units, err error) {
	if err := g.checkKeys(); err != nil {
		return used, err
	}
	g.partitions = map[string]int{}
	items, unprocessed := []Item{}, []Item(nil)
	for _, key := range g.Keys {
		it, size, err := e.get(g.t, key, g.paths, g.ConsistentRead)
		if err != nil {
			return used, err
		}
		if !g.take(key, size) {
			unprocessed = append(unprocessed, key)
			used.table += readUnits(0, g.ConsistentRead)
			continue
		}
		used.table += readUnits(size, g.ConsistentRead)
		if it != nil {
			items = append(items, it)
		}
	}
	out.Responses[g.name] = items
	if unprocessed != nil {
		rest := g.KeysAndAttributes
		rest.Keys = unprocessed
		out.UnprocessedKeys[g.name] = rest
	}
	return used, nil
}

// take counts an item of size bytes, or reports that it exceeds a limit. After the
// limit of the whole request, nothing fits any more.
func (g *batchGet) take(key Item, size int) bool {
	if size > *g.left || *g.left == 0 {
		*g.left = 0
		return false
	}
	at, limit := g.partition(key)
	if g.partitions[at]+size > limit {
		return false
	}
	g.partitions[at] += size
	*g.left -= size
	return true
}

// partition returns the name of the partition that holds a key, and its limit in bytes.
// A provisioned table has one partition, as AWS gives it up to 3,000 read units and
// 1,000 write units. The partitions of one in on-demand mode follow its use: here each
// partition key is one.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.Partitions.html
func (g *batchGet) partition(key Item) (name string, limit int) {
	if g.t.def.Description.billingMode() == "PROVISIONED" {
		return "", maxBatchProvisioned
	}
	return string(appendPartition(nil, g.t.key.partition(key)...)), maxBatchPartition
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
