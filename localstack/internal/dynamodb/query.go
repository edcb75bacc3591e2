// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html

package dynamodb

import (
	"context"
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Query reads the items of one partition of a table or index, in ascending or
// descending order of the sort key.
func (e *Engine) Query(ctx context.Context, in *QueryInput) (*PageOutput, error) {
	q, err := in.check()
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	p, err := e.newPage(ctx, q.pageParams)
	e.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	p.backward = in.ScanIndexForward != nil && !*in.ScanIndexForward
	if err := q.plan(p); err != nil {
		return nil, err
	}
	return e.readPage(p)
}

// A query is a QueryInput after the checks that don't need the table.
type query struct {
	pageParams
	tests    map[string]expr.KeyTest
	filtered string // the filter's name in messages
}

func (in *QueryInput) check() (*query, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{
		keyCondition: in.KeyConditionExpression, filter: in.FilterExpression, projection: in.ProjectionExpression,
		names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
	}
	// KeyConditions may be combined with the other expressions.
	legacy := []namedParam{{"AttributesToGet", in.AttributesToGet != nil}, {"QueryFilter", in.QueryFilter != nil},
		{"ConditionalOperator", in.ConditionalOperator != ""},
		{"KeyConditions", in.KeyConditions != nil && p.keyCondition != nil}}
	err := p.exclusive([]namedParam{{"ProjectionExpression", p.projection != nil}, {"FilterExpression", p.filter != nil},
		{"KeyConditionExpression", p.keyCondition != nil}}, legacy)
	if err != nil {
		return nil, err
	}
	filter, err := legacyFilter(in.QueryFilter, in.ConditionalOperator)
	if err != nil {
		return nil, err
	}
	paths, err := attributePaths(in.AttributesToGet)
	if err != nil {
		return nil, err
	}
	if err := checkStart(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	if in.KeyConditions == nil && p.keyCondition == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	c, err := p.compile()
	if err != nil {
		return nil, err
	}
	q := &query{filtered: "Filter Expression"}
	if q.tests, err = in.keyTests(c); err != nil {
		return nil, err
	}
	if in.QueryFilter != nil {
		c.filter, q.filtered = filter, "QueryFilter"
	}
	if c.projection == nil {
		c.projection = paths
	}
	q.pageParams = pageParams{
		table: in.TableName, indexName: in.IndexName, selects: in.Select, capacity: in.ReturnConsumedCapacity, limit: in.Limit,
		start: in.ExclusiveStartKey, consistent: in.ConsistentRead, projection: c.projection, filter: c.filter, specific: c.projection != nil,
	}
	return q, q.checkSelect()
}

// maxTests is the maximum number of conditions, except for a global index with a
// multi-attribute key.
const maxTests = 2

const tooManyTests = "Conditions can be of length 1 or 2 only"

func (in *QueryInput) keyTests(c compiled) (map[string]expr.KeyTest, error) {
	var tests map[string]expr.KeyTest
	if c.key != nil {
		var err error
		if tests, err = c.key.KeyTests(); err != nil {
			return nil, asInvalid(err)
		}
	} else {
		legacy, err := legacyTests(in.KeyConditions)
		if err != nil {
			return nil, err
		}
		tests = map[string]expr.KeyTest{}
		for _, t := range legacy {
			tests[t.Attr] = t.KeyTest()
		}
	}
	if n := len(tests); n == 0 || n > maxTests && in.IndexName == nil || n > 2*maxKeyAttrs {
		return nil, invalid(tooManyTests)
	}
	return tests, nil
}

// unprefixed are the faults of a start key whose message doesn't mention the start
// key, as on AWS.
var unprefixed = []string{"contains duplicates", "number set", "numeric value", "significant digits", "number with magnitude"}

func checkStart(start Item) error {
	err := start.Validate()
	if err == nil {
		return nil
	}
	if slices.ContainsFunc(unprefixed, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		return invalid("%s", err)
	}
	return invalid("The provided starting key is invalid: %s", err)
}

// plan checks the query against the keys, and sets the range of the page.
func (q *query) plan(p *page) error {
	keys := p.keys()
	if q.start != nil && len(q.start) != len(p.startKeyNames()) {
		return invalid("The provided starting key is invalid")
	}
	if len(q.tests) > max(maxTests, len(keys.attrs)) {
		return invalid(tooManyTests)
	}
	for i, a := range keys.attrs {
		if err := q.checkKeyTest(p, a, i < keys.hashes); err != nil {
			return err
		}
	}
	tested, err := q.testedSort(keys)
	if err != nil {
		return err
	}
	if q.start != nil {
		if err := q.checkBounds(p); err != nil {
			return err
		}
	}
	if err := p.t.checkScalar(p.projection); err != nil {
		return err
	}
	if err := q.checkFilter(p); err != nil {
		return err
	}
	if err := p.applySelect(q.pageParams); err != nil {
		return err
	}
	if q.filter != nil {
		if err := p.t.checkScalar(q.filter.Paths()); err != nil {
			return err
		}
	}
	part := appendPartition(p.prefix(), q.partition(keys)...)
	p.lower, p.upper = part, value.Successor(part)
	for _, a := range tested { // all but the last are equality tests
		t := q.tests[a.name]
		p.lower, p.upper = sortRange(part, t)
		part = value.AppendKey(part, t.Args[0])
	}
	if q.start != nil {
		p.resume(q.start)
	}
	return nil
}

// partition returns the values of the partition key in the query.
func (q *query) partition(keys keySchema) []value.Value {
	var vs []value.Value
	for _, a := range keys.hash() {
		vs = append(vs, q.tests[a.name].Args[0])
	}
	return vs
}

// testedSort returns the attributes of the sort key that the query tests. They must
// be the first ones, and all but the last must be tested for equality
// ("Multi-attribute keys pattern", Developer Guide).
func (q *query) testedSort(keys keySchema) ([]keyAttr, error) {
	n := len(q.tests) - keys.hashes
	for i, a := range keys.sort()[:n] {
		t, ok := q.tests[a.name]
		if !ok {
			return nil, invalid("Query condition missed key schema element: %s", a.name)
		}
		if t.Op != "=" && i < n-1 {
			return nil, invalid("Query key condition not supported")
		}
	}
	return keys.sort()[:n], nil
}

// testsOtherAttribute reports whether the query tests a non-key attribute.
func (q *query) testsOtherAttribute(keys keySchema) bool {
	for name := range q.tests {
		if !keys.has(name) {
			return true
		}
	}
	return false
}

func (q *query) checkKeyTest(p *page, a keyAttr, hash bool) error {
	if q.start != nil {
		if _, ok := q.start[a.name]; !ok {
			return invalid("The provided starting key is invalid")
		}
		if err := a.check(q.start[a.name], hash); err != nil {
			return err
		}
	}
	if hash && len(p.keys().attrs) == 1 && len(q.tests) > 1 {
		return invalid("Query key condition not supported")
	}
	t, ok := q.tests[a.name]
	if !ok {
		if hash || q.testsOtherAttribute(p.keys()) {
			return invalid("Query condition missed key schema element: %s", a.name)
		}
		return nil
	}
	if !slices.Contains([]string{"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}, t.Op) {
		return invalid("Attempted conditional constraint is not an indexable operation")
	}
	for _, v := range t.Args {
		if v.Kind != a.kind {
			return invalid(paramsInvalid + "Condition parameter type does not match schema type")
		}
		if word, empty := emptyKey(v); empty && t.Op == "=" {
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", word, a.name)
		}
	}
	if hash && t.Op != "=" {
		return invalid("Query key condition not supported")
	}
	return nil
}

// checkBounds fails if the start key is outside the query's range.
func (q *query) checkBounds(p *page) error {
	if err := p.t.checkKey(p.t.keyOf(q.start)); err != nil {
		return invalid("The provided starting key is invalid: %s", message(err))
	}
	keys := p.keys()
	samePart := slices.EqualFunc(keys.partition(q.start), q.partition(keys), value.Equal)
	if len(q.tests) == keys.hashes {
		if !samePart {
			return invalid("The provided starting key is outside query boundaries based on provided conditions")
		}
		return nil
	}
	for _, a := range keys.sort() {
		if t, ok := q.tests[a.name]; ok && !t.Matches(q.start[a.name]) {
			return invalid("The provided starting key does not match the range key predicate")
		}
	}
	if !samePart {
		return invalid("The query can return at most one row and cannot be restarted")
	}
	return nil
}

// checkFilter fails if the filter tests key attributes.
func (q *query) checkFilter(p *page) error {
	if q.filter == nil {
		return nil
	}
	heads := map[string]bool{}
	for _, path := range q.filter.Paths() {
		heads[path[0].Name] = true
	}
	for _, a := range p.keys().attrs {
		if heads[a.name] {
			return invalid("%s can only contain non-primary key attributes: Primary key attribute: %s", q.filtered, a.name)
		}
	}
	return nil
}

// sortRange returns the range of a partition's keys that pass a test of the sort
// key.
func sortRange(part []byte, t expr.KeyTest) (lower, upper []byte) {
	// at returns where the keys with a sort key begin, and past where they end. No
	// encoded key is a prefix of another.
	at := func(i int) []byte { return value.AppendKey(slices.Clone(part), t.Args[i]) }
	past := func(i int) []byte { return value.Successor(at(i)) }
	lower, upper = part, value.Successor(part)
	switch t.Op {
	case "=":
		lower, upper = at(0), past(0)
	case "<":
		upper = at(0)
	case "<=":
		upper = past(0)
	case ">":
		lower = past(0)
	case ">=":
		lower = at(0)
	case "BETWEEN":
		lower, upper = at(0), past(1)
	case "begins_with":
		lower = value.AppendKeyPrefix(slices.Clone(part), t.Args[0])
		upper = value.Successor(lower)
	}
	return lower, upper
}
