// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html

package dynamodb

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

const ttlSweepInterval = time.Minute

// maxExpiredAge is the age up to which an expiry counts. AWS takes an older one for
// a mistake, and keeps the item.
const maxExpiredAge = 5 * 365 * 24 * time.Hour

const ttlSweepBatch = 100 // items that one batch removes

// expiry returns the second at which an item expires. ok is false unless the table
// has TTL and the item a number in its attribute.
func (t *table) expiry(it Item) (second int64, ok bool) {
	v := it[t.ttl]
	if t.ttl == "" || v.Kind != value.KindN {
		return 0, false
	}
	whole, _, _ := strings.Cut(v.Str, ".")
	second, err := strconv.ParseInt(whole, 10, 64)
	return second, err == nil && second > 0
}

// stageExpiry updates the item's TTL entry.
func (w *write) stageExpiry(e *Engine, b *kv.Batch) {
	old, hadOld := w.t.expiry(w.old)
	now, hasNow := w.t.expiry(w.new)
	if hadOld && (!hasNow || old != now) {
		b.Delete(e.Keys, expiryKey(w.t.no, old, w.at))
	}
	if hasNow && (!hadOld || old != now) {
		b.Set(e.Keys, expiryKey(w.t.no, now, w.at), nil)
	}
}

func (t *table) expired(it Item, now time.Time) bool {
	second, ok := t.expiry(it)
	return ok && second < now.Unix() && second > now.Add(-maxExpiredAge).Unix()
}

func (e *Engine) sweepExpiredItems() error {
	now := e.Clock.Now()
	e.mu.RLock()
	var withTTL []tableID
	for id, t := range e.tables {
		if t.ttl != "" {
			withTTL = append(withTTL, id)
		}
	}
	e.mu.RUnlock()
	for _, id := range withTTL {
		for found := ttlSweepBatch; found == ttlSweepBatch && !e.IsClosing(); {
			var err error
			if found, err = e.sweepBatch(id, now); err != nil {
				return fmt.Errorf("remove expired items of %s: %w", id.name, err)
			}
		}
	}
	return nil
}

// sweepBatch removes up to ttlSweepBatch expired items of a table, and returns how
// many it found. It checks each again under its lock.
func (e *Engine) sweepBatch(id tableID, now time.Time) (found int, err error) {
	err = e.write(func() ([]*write, error) {
		t, ok := e.tables[id]
		if !ok || t.ttl == "" {
			return nil, nil
		}
		prefix := expiryPrefix(t.no)
		from := binary.BigEndian.AppendUint64(expiryPrefix(t.no), uint64(max(0, now.Add(-maxExpiredAge).Unix()+1)))
		to := binary.BigEndian.AppendUint64(prefix, uint64(max(0, now.Unix())))
		var ws []*write
		err := e.Keys.Scan(from, to, func(k, _ []byte) (bool, error) {
			at := append(entriesOf(t.no, 0), k[len(expiryPrefix(t.no))+8:]...)
			it, err := readItem(e.Keys, at)
			if err != nil {
				return false, err
			}
			if it != nil {
				ws = append(ws, &write{t: t, key: t.keyOf(it), change: removeIfExpired(t, now)})
			}
			found++
			return found < ttlSweepBatch, nil
		})
		return ws, err
	})
	return found, err
}

func removeIfExpired(t *table, now time.Time) func(old Item) (Item, error) {
	return func(old Item) (Item, error) {
		if t.expired(old, now) {
			return nil, nil
		}
		return old, nil
	}
}
