package dynamodb

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A write changes or checks one item. Every operation that writes consists of writes
// that are applied as one batch. The first fields are the request, the second group
// is the outcome.
type write struct {
	t                  *table
	tableName          string // as in the request: a name or an ARN
	key                Item
	cond               *expr.Condition              // nil for none
	change             func(old Item) (Item, error) // nil result: no item; nil func: a condition check
	returnOldOnFailure bool                         // the error of a failed condition has the item
	wholeItem          bool                         // change ignores the old item

	at       []byte // the item's key in the store
	old, new Item   // nil if there is none
	units    units
	err      error
}

// write makes the writes that prepare returns in one atomic batch. It returns when
// they are on disk, or with the error of the first that failed, and then none was
// made. prepare runs under e.mu, so that tables don't change before the batch is
// applied.
func (e *Engine) write(prepare func() ([]*write, error)) error {
	return e.writeWith(prepare, nil, nil)
}

// writeWith is write with a further key to lock, and with extra, which adds to the
// batch, or fails, before items are read.
func (e *Engine) writeWith(prepare func() ([]*write, error), lock []byte, extra func(*kv.Batch) error) error {
	ws, wait, err := e.prepareAndApply(prepare, lock, extra)
	if err != nil {
		// The error may depend on another write that isn't on disk yet.
		return cmp.Or(e.waitDurable(e.stripesOf(ws, lock)), err)
	}
	return wait()
}

func (e *Engine) prepareAndApply(prepare func() ([]*write, error), lock []byte, extra func(*kv.Batch) error) (ws []*write, wait func() error, err error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if ws, err = prepare(); err != nil {
		return ws, nil, err
	}
	wait, err = e.apply(ws, lock, extra)
	return ws, wait, err
}

// waitDurable waits until what was read under the stripes is on disk.
func (e *Engine) waitDurable(stripes []int) (first error) {
	for _, s := range stripes {
		if err := e.stripes[s].writes.wait(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// apply evaluates and applies ws under the locks of their stripes. wait returns when
// they are on disk.
func (e *Engine) apply(ws []*write, lock []byte, extra func(*kv.Batch) error) (wait func() error, err error) {
	for _, w := range ws {
		if w.at == nil {
			w.at = w.t.itemKey(w.key)
		}
	}
	stripes := e.stripesOf(ws, lock)
	for _, s := range stripes {
		e.stripes[s].Lock()
		defer e.stripes[s].Unlock()
	}
	b := e.Store.NewBatch()
	if extra != nil {
		if err := extra(b); err != nil {
			return nil, err
		}
	}
	if err := e.evaluate(ws, b); err != nil {
		return nil, err
	}
	return e.commit(b, stripes, ws)
}

// evaluate reads the items, and stages the writes if all of them succeed.
func (e *Engine) evaluate(ws []*write, b *kv.Batch) (first error) {
	for _, w := range ws {
		if w.err = e.evaluateOne(w); w.err != nil && first == nil {
			first = w.err
		}
	}
	if first != nil {
		return first
	}
	for _, w := range ws {
		w.stage(e, b)
	}
	return nil
}

func (e *Engine) evaluateOne(w *write) error {
	get := e.Keys.GetText
	if w.wholeItem { // mostly a put of a new item
		get = e.Keys.FindText
	}
	old, err := readBy(get, w.at)
	if err != nil {
		return err
	}
	w.old, w.new = old, old
	if w.cond != nil && !w.cond.Matches(w.old) {
		if !w.returnOldOnFailure {
			return conditionFailed(nil)
		}
		return conditionFailed(w.old)
	}
	if w.change == nil {
		return nil
	}
	w.new, err = w.change(w.old)
	return err
}

// stage adds the item and its index entries to the batch, and counts units.
func (w *write) stage(e *Engine, b *kv.Batch) {
	w.units.table = writeUnits(max(w.old.Size(), w.new.Size()))
	if w.change == nil {
		return
	}
	switch {
	case w.new != nil:
		b.Set(e.Keys, w.at, w.new.Encode())
	case w.old != nil:
		b.Delete(e.Keys, w.at)
	}
	for _, x := range w.t.indexes {
		w.stageEntry(e, b, x)
	}
	w.stageExpiry(e, b)
}

// stageEntry updates an index. A new, removed or changed entry costs one write, an
// entry whose key changes costs two, and an unchanged one costs none (Developer
// Guide, "Write capacity units" of indexes).
func (w *write) stageEntry(e *Engine, b *kv.Batch, x *index) {
	oldKey, oldItem := x.entry(w.t, w.old)
	newKey, newItem := x.entry(w.t, w.new)
	if oldKey == nil && newKey == nil {
		return
	}
	if bytes.Equal(oldKey, newKey) {
		if !value.EqualItems(oldItem, newItem) {
			b.Set(e.Keys, newKey, newItem.Encode())
			w.units.add(x, writeUnits(max(oldItem.Size(), newItem.Size())))
		}
		return
	}
	if oldKey != nil {
		b.Delete(e.Keys, oldKey)
		w.units.add(x, writeUnits(oldItem.Size()))
	}
	if newKey != nil {
		b.Set(e.Keys, newKey, newItem.Encode())
		w.units.add(x, writeUnits(newItem.Size()))
	}
}

// commit applies the batch, and tracks it as in flight until it is on disk.
func (e *Engine) commit(b *kv.Batch, stripes []int, ws []*write) (wait func() error, err error) {
	if b.Empty() {
		return func() error { return e.waitDurable(stripes) }, nil
	}
	fs := e.begin(stripes, ws)
	e.faults.BeforeWrite()
	p, err := b.Apply()
	if err != nil {
		fs.end(nil) // it isn't visible
		return nil, err
	}
	return func() error {
		err := p.Wait()
		if errors.Is(err, kv.ErrStalled) { // it will be on disk: until then its readers wait
			e.Go(func() { fs.end(p.WaitThrough()) })
			return err
		}
		fs.end(err)
		return err
	}, nil
}

// A flight is one write in an inflight.
type flight struct {
	in     *inflight
	number uint64
}

type flights []flight

// begin tracks a batch in the inflights of its stripes and tables.
func (e *Engine) begin(stripes []int, ws []*write) flights {
	fs := make(flights, 0, len(stripes)+1)
	for _, s := range stripes {
		in := &e.stripes[s].writes
		fs = append(fs, flight{in, in.begin()})
	}
	for _, w := range ws {
		if in := w.t.writes; !slices.ContainsFunc(fs, func(f flight) bool { return f.in == in }) {
			fs = append(fs, flight{in, in.begin()})
		}
	}
	return fs
}

func (fs flights) end(err error) {
	for _, f := range fs {
		f.in.end(f.number, err)
	}
}

// stripesOf returns the stripes of the writes and of lock, in the order in which
// they must be locked.
func (e *Engine) stripesOf(ws []*write, lock []byte) []int {
	var out []int
	for _, w := range ws {
		if w.at != nil {
			out = append(out, stripeOf(w.at))
		}
	}
	if lock != nil {
		out = append(out, stripeOf(lock))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stripeOf hashes a key (FNV-1a).
func stripeOf(key []byte) int {
	h := uint32(2166136261)
	for _, c := range key {
		h = (h ^ uint32(c)) * 16777619
	}
	return int(h>>24 ^ h&0xff)
}
