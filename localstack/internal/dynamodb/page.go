package dynamodb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// maxPage is the maximum number of bytes of items (value.Item.PagedSize) in a page.
// The last item may exceed it.
const maxPage = 1 << 20

// A page is a checked Query or Scan: a range of a table or an index that is read in
// one direction, from a start up to a limit.
type page struct {
	t         *table
	tableName string // as in the request: a name or an ARN
	x         *index // nil for the table

	lower, upper []byte // keys: lower ≤ key < upper
	backward     bool
	limit        int // of items read; 0 for none

	filter     *expr.Condition
	projection []expr.Path // nil for all
	fetch      bool        // a local index: read the whole items from the table
	count      bool        // Select COUNT
	consistent bool
	capacity   string
}

// pageParams are the parameters that Query and Scan share.
type pageParams struct {
	table, indexName  *string
	selects, capacity string
	limit             *int32
	start             Item
	consistent        bool
	projection        []expr.Path
	filter            *expr.Condition
	specific          bool // the request names attributes
}

// keys returns the schema of the table or index.
func (p *page) keys() keySchema {
	if p.x != nil {
		return p.x.key
	}
	return p.t.key
}

// newPage finds the table and index. The caller holds e.mu.
func (e *Engine) newPage(ctx context.Context, in pageParams) (*page, error) {
	t, err := e.findTable(ctx, in.table)
	if err != nil {
		return nil, err
	}
	p := &page{t: t, tableName: *in.table, filter: in.filter, projection: in.projection, count: in.selects == "COUNT", consistent: in.consistent, capacity: in.capacity}
	if in.limit != nil {
		p.limit = int(*in.limit)
	}
	if in.indexName != nil {
		if p.x = t.index(*in.indexName); p.x == nil {
			return nil, invalid("The table does not have the specified index: %s", *in.indexName)
		}
		if !p.x.local && in.consistent {
			return nil, invalid("Consistent reads are not supported on global secondary indexes")
		}
	}
	return p, nil
}

// applySelect applies Select and the projection to the attributes that the index
// holds.
func (p *page) applySelect(in pageParams) error {
	if p.x == nil || p.x.all {
		return nil
	}
	if err := p.checkAllAttributes(in); err != nil {
		return err
	}
	p.fetch = in.selects == "ALL_ATTRIBUTES"
	var missing []string
	for _, path := range p.projection {
		if !p.x.projects[path[0].Name] {
			missing = append(missing, path[0].Name)
		}
	}
	if len(missing) > 0 && !p.x.local {
		return invalid(paramsInvalid+"Global secondary index %s does not project [%s]", p.x.name, strings.Join(missing, ", "))
	}
	p.fetch = p.fetch || len(missing) > 0
	return nil
}

// checkAllAttributes fails if ALL_ATTRIBUTES is asked of a global index that lacks
// some.
func (p *page) checkAllAttributes(in pageParams) error {
	if p.x == nil || p.x.local || p.x.all || in.selects != "ALL_ATTRIBUTES" {
		return nil
	}
	return invalid(paramsInvalid+"Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", p.x.name)
}

// checkSelect makes the checks of Select that don't need the table.
func (in pageParams) checkSelect() error {
	switch in.selects {
	case "ALL_PROJECTED_ATTRIBUTES":
		if in.indexName == nil {
			return invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
		}
	case "SPECIFIC_ATTRIBUTES":
		if !in.specific {
			return invalid("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
		}
		return nil
	case "COUNT":
		if in.specific {
			return invalid("Cannot specify the AttributesToGet when choosing to get only the Count")
		}
	case "":
		return nil
	}
	if in.specific {
		return invalid("Cannot specify the AttributesToGet when choosing to get %s", in.selects)
	}
	return nil
}

// startKeyNames returns the attributes of a LastEvaluatedKey.
func (p *page) startKeyNames() map[string]bool {
	names := map[string]bool{}
	for _, a := range slices.Concat(p.t.key.attrs, p.keys().attrs) {
		names[a.name] = true
	}
	return names
}

func (p *page) prefix() []byte {
	if p.x != nil {
		return entriesOf(p.t.no, p.x.no)
	}
	return entriesOf(p.t.no, 0)
}

// resume limits the range to what follows the start key.
func (p *page) resume(start Item) {
	at := p.t.itemKey(start)
	if p.x != nil {
		at = p.x.entryKey(p.t, start)
	}
	if p.backward {
		p.upper = at
	} else {
		p.lower = slices.Concat(at, []byte{0})
	}
}

// readPage reads one page.
func (e *Engine) readPage(p *page) (*PageOutput, error) {
	view, done := e.view(p.consistent, p.x)
	defer done()
	scan := view.Scan
	if p.backward {
		scan = view.ScanBack
	}
	r := pageReader{page: p, view: view, items: []Item{}, more: true}
	if err := scan(p.lower, p.upper, r.add); err != nil {
		return nil, err
	}
	if err := p.t.writes.wait(); err != nil {
		return nil, err
	}
	out := &PageOutput{Count: r.passed, ScannedCount: r.scanned}
	if !p.count {
		out.Items = r.items
	}
	if !r.more {
		out.LastEvaluatedKey = p.startKey(r.last)
	}
	used := p.consumedUnits(r.size, r.fetched)
	out.Bill = used.bill()
	out.ConsumedCapacity = used.consumed(p.capacity, p.tableName)
	return out, nil
}

// A pageReader is the state of reading a page.
type pageReader struct {
	*page
	view            *kv.Space
	items           []Item
	scanned, passed int // items, and how many of them passed the filter
	size, paged     int // of the scanned items, in bytes
	fetched         int // bytes of whole items that an index led to
	last            Item
	more            bool // there may be more
}

// add reads an item, and reports whether the page may have another.
func (r *pageReader) add(_, b []byte) (more bool, err error) {
	it, err := value.Decode(b)
	if err == nil {
		err = r.addIfMatching(it)
	}
	if err != nil {
		return false, fmt.Errorf("read an item: %w", err)
	}
	r.last = it
	r.scanned++
	r.size += it.Size()
	r.paged += it.PagedSize(r.t.key.sortName())
	r.more = r.scanned != r.limit && r.paged < maxPage
	return r.more, nil
}

// addIfMatching adds an item to the response if it passes the filter.
func (r *pageReader) addIfMatching(it Item) (err error) {
	if r.fetch {
		if it, err = readItem(r.view, r.t.itemKey(it)); err != nil {
			return err
		}
		r.fetched += it.Size()
	}
	if r.filter != nil && !r.filter.Matches(it) {
		return nil
	}
	if r.passed++; !r.count {
		r.items = append(r.items, projected(it, r.projection))
	}
	return nil
}

// startKey returns the key attributes of an item, and those of its entry in the
// index.
func (p *page) startKey(it Item) Item {
	key := Item{}
	for name := range p.startKeyNames() {
		key[name] = it[name]
	}
	return key
}

// consumedUnits returns the units for the bytes of all items together: one for each
// 4 KB, or half if the read is eventually consistent.
func (p *page) consumedUnits(size, fetched int) units {
	var u units
	read := readUnits(size, p.consistent)
	if p.x == nil {
		u.table = read
		return u
	}
	u.add(p.x, read)
	if p.fetch {
		u.table = readUnits(fetched, p.consistent)
	}
	return u
}
