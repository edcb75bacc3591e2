package dynamodb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// How often the upkeep runs, and how often it counts items, as AWS does.
const (
	upkeepEvery = time.Minute
	countEvery  = 6 * time.Hour
)

// ttlHorizon is how long past an item's end may be: what ended before that is
// taken for a mistake and stays.
const ttlHorizon = 5 * 365 * 24 * time.Hour

// sweepBatch is how many items one batch of the upkeep removes.
const sweepBatch = 100

// upkeep is the goroutine that the clock wakes each minute.
type upkeep struct {
	mu      sync.Mutex // guards cancel
	cancel  func() bool
	quit    chan struct{}
	done    chan struct{}
	once    sync.Once
	counted time.Time
	ran     func(error) // a test's: a pass has ended
}

func (u *upkeep) start(e *Engine) {
	u.quit, u.done = make(chan struct{}), make(chan struct{})
	u.counted = e.clock.Now()
	wake := make(chan struct{}, 1)
	u.arm(e.clock, wake)
	go func() {
		defer close(u.done)
		for {
			select {
			case <-u.quit:
				return
			case <-wake:
				err := e.Sweep()
				if u.ran != nil {
					u.ran(err)
				}
			}
		}
	}()
}

// arm sets the next wake-up. It is set again as the clock strikes, not when the
// pass has ended, so that a clock that leaps strikes each minute.
func (u *upkeep) arm(c clock.Clock, wake chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	select {
	case <-u.quit:
		return
	default:
	}
	u.cancel = c.AfterFunc(upkeepEvery, func() {
		select {
		case wake <- struct{}{}:
		default: // a pass is due already
		}
		u.arm(c, wake)
	})
}

func (u *upkeep) stop() {
	u.once.Do(func() {
		u.mu.Lock()
		close(u.quit)
		u.cancel()
		u.mu.Unlock()
	})
	<-u.done
}

// Sweep is one pass of the upkeep: it removes the items whose TTL attribute is
// past and the client tokens that have ended, and counts items where that is
// due. The engine runs it each minute of its clock.
func (e *Engine) Sweep() error {
	now := e.clock.Now()
	err := errors.Join(e.sweepItems(now), e.sweepTokens(now))
	if now.Sub(e.upkeep.counted) >= countEvery {
		e.upkeep.counted = now
		err = errors.Join(err, e.countItems())
	}
	return err
}

// endOf is the second in which an item ends, where the table has TTL and the
// item a number for it.
func (t *table) endOf(it Item) (second int64, ok bool) {
	v := it[t.ttl]
	if t.ttl == "" || v.Kind != value.KindN {
		return 0, false
	}
	whole, _, _ := strings.Cut(v.Str, ".")
	second, err := strconv.ParseInt(whole, 10, 64)
	return second, err == nil && second > 0
}

// stageEnd keeps the TTL entry beside the item.
func (w *write) stageEnd(e *Engine, b *kv.Batch) {
	old, hadOld := w.t.endOf(w.old)
	now, hasNow := w.t.endOf(w.new)
	if hadOld && (!hasNow || old != now) {
		b.Delete(e.space, endKey(w.t.no, old, w.at))
	}
	if hasNow && (!hadOld || old != now) {
		b.Set(e.space, endKey(w.t.no, now, w.at), nil)
	}
}

// ended reports whether the item is past its end at now.
func (t *table) ended(it Item, now time.Time) bool {
	end, ok := t.endOf(it)
	return ok && end < now.Unix() && end > now.Add(-ttlHorizon).Unix()
}

func (e *Engine) sweepItems(now time.Time) error {
	e.mu.RLock()
	var withTTL []tableID
	for id, t := range e.tables {
		if t.ttl != "" {
			withTTL = append(withTTL, id)
		}
	}
	e.mu.RUnlock()
	for _, id := range withTTL {
		for {
			n, err := e.sweepSome(id, now)
			if err != nil {
				return fmt.Errorf("remove expired items of %s: %w", id.name, err)
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return nil
}

// sweepSome removes up to sweepBatch ended items of a table, and returns how
// many it found. Each is looked at again under its lock.
func (e *Engine) sweepSome(id tableID, now time.Time) (found int, err error) {
	err = e.write(func() ([]*write, error) {
		t, ok := e.tables[id]
		if !ok || t.ttl == "" {
			return nil, nil
		}
		prefix := endsOf(t.no)
		from := binary.BigEndian.AppendUint64(endsOf(t.no), uint64(max(0, now.Add(-ttlHorizon).Unix()+1)))
		to := binary.BigEndian.AppendUint64(prefix, uint64(max(0, now.Unix())))
		var ws []*write
		err := e.space.Scan(from, to, func(k, _ []byte) (bool, error) {
			at := append(entriesOf(t.no, 0), k[len(endsOf(t.no))+8:]...)
			it, err := readItem(e.space, at)
			if err != nil {
				return false, err
			}
			if it != nil {
				ws = append(ws, &write{t: t, key: t.keyOf(it), change: func(old Item) (Item, error) {
					if t.ended(old, now) {
						return nil, nil
					}
					return old, nil
				}})
			}
			found++
			return found < sweepBatch, nil
		})
		return ws, err
	})
	return found, err
}

func (e *Engine) sweepTokens(now time.Time) error {
	var ended [][]byte
	err := e.space.Scan([]byte{spaceTokens}, []byte{spaceTokens + 1}, func(k, v []byte) (bool, error) {
		var c claim
		if err := json.Unmarshal(v, &c); err != nil {
			return false, fmt.Errorf("read a client token: %w", err)
		}
		if !now.Before(c.Until) {
			ended = append(ended, append([]byte{}, k...))
		}
		return true, nil
	})
	if err != nil || len(ended) == 0 {
		return err
	}
	// A token that a transaction renews meanwhile is under its stripe's lock.
	for _, k := range ended {
		if err := e.dropToken(k, now); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) dropToken(key []byte, now time.Time) error {
	return e.writeWith(func() ([]*write, error) { return nil, nil }, key, func(b *kv.Batch) error {
		v, ok, err := e.space.Get(key)
		if err != nil || !ok {
			return err
		}
		var c claim
		if err := json.Unmarshal(v, &c); err != nil {
			return fmt.Errorf("read a client token: %w", err)
		}
		if !now.Before(c.Until) {
			b.Delete(e.space, key)
		}
		return nil
	})
}
