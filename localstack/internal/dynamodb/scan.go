// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html

package dynamodb

import (
	"context"
	"encoding/binary"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Scan reads a table or index, or one of several segments of it, in the order of the
// partition keys' hashes.
func (e *Engine) Scan(ctx context.Context, in *ScanInput) (*PageOutput, error) {
	s, err := in.check()
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	p, err := e.newPage(ctx, s)
	e.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	if err := in.plan(p, s); err != nil {
		return nil, err
	}
	return e.readPage(p)
}

func (in *ScanInput) check() (s pageParams, err error) {
	if err := validate(in); err != nil {
		return s, err
	}
	p := params{filter: in.FilterExpression, projection: in.ProjectionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	err = p.exclusive([]namedParam{{"ProjectionExpression", p.projection != nil}, {"FilterExpression", p.filter != nil}},
		[]namedParam{{"AttributesToGet", in.AttributesToGet != nil}, {"ScanFilter", in.ScanFilter != nil}, {"ConditionalOperator", in.ConditionalOperator != ""}})
	if err != nil {
		return s, err
	}
	paths, err := attributePaths(in.AttributesToGet)
	if err != nil {
		return s, err
	}
	filter, err := legacyFilter(in.ScanFilter, in.ConditionalOperator)
	if err != nil {
		return s, err
	}
	if err := checkStart(in.ExclusiveStartKey); err != nil {
		return s, err
	}
	if err := in.checkSegment(); err != nil {
		return s, err
	}
	c, err := p.compile()
	if err != nil {
		return s, err
	}
	if c.filter == nil {
		c.filter = filter
	}
	if c.projection == nil {
		c.projection = paths
	}
	s = pageParams{
		table: in.TableName, indexName: in.IndexName, selects: in.Select, capacity: in.ReturnConsumedCapacity, limit: in.Limit,
		start: in.ExclusiveStartKey, consistent: in.ConsistentRead, projection: c.projection, filter: c.filter, specific: c.projection != nil,
	}
	return s, s.checkSelect()
}

func (in *ScanInput) checkSegment() error {
	switch {
	case in.Segment != nil && in.TotalSegments == nil:
		return invalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case in.TotalSegments == nil:
		return nil
	case in.Segment == nil:
		return invalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *in.Segment >= *in.TotalSegments:
		return invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d",
			*in.Segment, *in.TotalSegments)
	}
	return nil
}

// plan checks the start key and sets the range of the page.
func (in *ScanInput) plan(p *page, s pageParams) error {
	prefix := p.prefix()
	p.lower, p.upper = prefix, value.Successor(prefix)
	if in.TotalSegments != nil {
		p.lower, p.upper = segmentBound(prefix, int64(*in.Segment), int64(*in.TotalSegments)), segmentBound(prefix, int64(*in.Segment)+1, int64(*in.TotalSegments))
	}
	if err := checkScanStart(p, s.start); err != nil {
		return err
	}
	if err := p.checkAllAttributes(s); err != nil {
		return err
	}
	if err := in.resume(p, s.start); err != nil {
		return err
	}
	if err := p.t.checkScalar(p.projection); err != nil {
		return err
	}
	if err := p.applySelect(s); err != nil {
		return err
	}
	if s.filter == nil {
		return nil
	}
	return p.t.checkScalar(s.filter.Paths())
}

// resume limits the range to what follows the start key, which must be in the
// segment; nil means none.
func (in *ScanInput) resume(p *page, start Item) error {
	if start == nil {
		return nil
	}
	if err := p.t.checkKey(p.t.keyOf(start)); err != nil {
		return invalid("The provided starting key is invalid: %s", message(err))
	}
	lower := string(p.lower)
	p.resume(start)
	if in.TotalSegments != nil && (string(p.lower) < lower || string(p.lower) >= string(p.upper)) {
		return invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d",
			*in.TotalSegments, *in.Segment)
	}
	return nil
}

// checkScanStart checks the attributes of a start key that are keys of the index;
// nil means none.
func checkScanStart(p *page, start Item) error {
	switch {
	case start == nil:
		return nil
	case len(start) != len(p.startKeyNames()) && p.x == nil:
		return invalid("The provided starting key is invalid: " + keyMismatch)
	case len(start) != len(p.startKeyNames()):
		return invalid("The provided starting key is invalid")
	case p.x == nil:
		return nil
	}
	for i, a := range p.x.key.attrs {
		if _, ok := start[a.name]; !ok {
			return invalid("The provided starting key is invalid")
		}
		if err := a.check(start[a.name], i < p.x.key.hashes); err != nil {
			return err
		}
	}
	return nil
}

// segmentBound returns where a segment begins: each has an equal share of the
// hashes.
func segmentBound(prefix []byte, segment, total int64) []byte {
	if segment == total {
		return value.Successor(prefix)
	}
	first := (uint64(segment)<<32 + uint64(total) - 1) / uint64(total)
	return binary.BigEndian.AppendUint32(append([]byte{}, prefix...), uint32(first))
}
