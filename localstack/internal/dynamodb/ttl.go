package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// UpdateTimeToLive switches TTL on or off. Items that are there already get
// their ends, or lose them, in the same batch.
func (e *Engine) UpdateTimeToLive(ctx context.Context, in *UpdateTimeToLiveInput) (*UpdateTimeToLiveOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	spec := in.TimeToLiveSpecification
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.named(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	switch {
	case *spec.Enabled && t.ttl != "":
		return nil, invalid("TimeToLive is already enabled")
	case !*spec.Enabled && t.ttl == "":
		return nil, invalid("TimeToLive is already disabled")
	case !*spec.Enabled && t.ttl != *spec.AttributeName:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.ttl)
	}
	def := t.def
	def.TTL = ""
	if *spec.Enabled {
		def.TTL = *spec.AttributeName
	}
	ends, err := e.endsUnder(newTable(def, t.writes))
	if err != nil {
		return nil, err
	}
	_, err = e.redefine(def, t.writes, func(b batch) {
		b.DeletePrefix(endsOf(t.no))
		for _, k := range ends {
			b.Set(k, nil)
		}
	})
	if err != nil {
		return nil, err
	}
	return &UpdateTimeToLiveOutput{spec}, nil
}

// endsUnder are the TTL entries that the items have under t's definition.
func (e *Engine) endsUnder(t *table) (ends [][]byte, err error) {
	if t.ttl == "" {
		return nil, nil
	}
	prefix := entriesOf(t.no, 0)
	err = e.space.Scan(prefix, value.Successor(prefix), func(k, b []byte) (bool, error) {
		it, err := value.Decode(b)
		if second, ok := t.endOf(it); ok {
			ends = append(ends, endKey(t.no, second, k))
		}
		return true, err
	})
	return ends, err
}

// DescribeTimeToLive says whether TTL is on.
func (e *Engine) DescribeTimeToLive(ctx context.Context, in *TableNameInput) (*DescribeTimeToLiveOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	t, err := e.named(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	d := &TTLDescription{TimeToLiveStatus: "DISABLED"}
	if t.ttl != "" {
		d = &TTLDescription{TimeToLiveStatus: "ENABLED", AttributeName: t.ttl}
	}
	return &DescribeTimeToLiveOutput{d}, nil
}
