// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTimeToLive.html

package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// UpdateTimeToLive enables or disables TTL. The same batch adds or removes the TTL
// entries of the existing items.
func (e *Engine) UpdateTimeToLive(ctx context.Context, in *UpdateTimeToLiveInput) (*UpdateTimeToLiveOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	spec := in.TimeToLiveSpecification
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.findTableNamed(ctx, *in.TableName)
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
	entries, err := e.expiryEntries(newTable(def, t.writes))
	if err != nil {
		return nil, err
	}
	_, err = e.redefine(def, t.writes, func(b batch) {
		b.DeletePrefix(expiryPrefix(t.no))
		for _, k := range entries {
			b.Set(k, nil)
		}
	})
	if err != nil {
		return nil, err
	}
	return &UpdateTimeToLiveOutput{spec}, nil
}

// expiryEntries returns the TTL entries of the items under t's definition.
func (e *Engine) expiryEntries(t *table) (entries [][]byte, err error) {
	if t.ttl == "" {
		return nil, nil
	}
	prefix := entriesOf(t.no, 0)
	err = e.Keys.Scan(prefix, value.Successor(prefix), func(k, b []byte) (bool, error) {
		it, err := value.Decode(b)
		if second, ok := t.expiry(it); ok {
			entries = append(entries, expiryKey(t.no, second, k))
		}
		return true, err
	})
	return entries, err
}

// DescribeTimeToLive returns whether TTL is enabled.
func (e *Engine) DescribeTimeToLive(ctx context.Context, in *TableNameInput) (*DescribeTimeToLiveOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	t, err := e.findTableNamed(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	d := &TTLDescription{TimeToLiveStatus: "DISABLED"}
	if t.ttl != "" {
		d = &TTLDescription{TimeToLiveStatus: "ENABLED", AttributeName: t.ttl}
	}
	return &DescribeTimeToLiveOutput{d}, nil
}
