// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html

package dynamodb

import (
	"fmt"
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// The legacy parameters (Expected, QueryFilter, ScanFilter, KeyConditions and
// AttributeUpdates) are checked here, by their own rules, and then converted to the
// trees of package expr.

const betweenReversed = "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"

// sortedNames returns the attributes in a parameter, in order.
func sortedNames[T any](in map[string]T) []string {
	if len(in) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(in))
}

// expectedCondition converts Expected to a condition; nil if there is none.
func expectedCondition(in map[string]Expected, operator string) (*expr.Condition, error) {
	var tests []expr.LegacyTest
	for _, attr := range sortedNames(in) {
		t, err := in[attr].test(attr)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return expr.Legacy(tests, operator == "OR"), nil
}

func (x Expected) test(attr string) (expr.LegacyTest, error) {
	t := expr.LegacyTest{Attr: attr, Operator: x.ComparisonOperator, Args: x.AttributeValueList}
	if x.AttributeValueList != nil && x.Value != nil {
		return t, invalid(paramsInvalid+"Value and AttributeValueList cannot be used together for Attribute: %s", attr)
	}
	if x.Value != nil {
		t.Args = []value.Value{*x.Value}
	}
	if x.ComparisonOperator != "" {
		return t, x.checkCompared(t)
	}
	if x.AttributeValueList != nil {
		return t, invalid(paramsInvalid+"AttributeValueList can only be used with a ComparisonOperator for Attribute: %s", attr)
	}
	exists := x.Exists == nil || *x.Exists
	switch {
	case exists && x.Value == nil:
		said := "null"
		if x.Exists != nil {
			said = fmt.Sprint(*x.Exists)
		}
		return t, invalid(paramsInvalid+"Value must be provided when Exists is %s for Attribute: %s", said, attr)
	case !exists && x.Value != nil:
		return t, invalid(paramsInvalid+"Value cannot be used when Exists is false for Attribute: %s", attr)
	case !exists:
		t.Operator = "NULL"
		return t, nil
	}
	t.Operator = "EQ"
	return t, validValues(t.Args)
}

func (x Expected) checkCompared(t expr.LegacyTest) error {
	if x.Exists != nil {
		return invalid(paramsInvalid+"Exists and ComparisonOperator cannot be used together for Attribute: %s", t.Attr)
	}
	if x.AttributeValueList == nil && x.Value == nil && t.Operator != "NULL" && t.Operator != "NOT_NULL" {
		return invalid(paramsInvalid+"Value or AttributeValueList must be used with ComparisonOperator: %s for Attribute: %s", t.Operator, t.Attr)
	}
	if err := validValues(t.Args); err != nil {
		return err
	}
	return checkOperands(t)
}

func validValues(vs []value.Value) error {
	for _, v := range vs {
		if err := v.Validate(); err != nil {
			return invalid("%s", err)
		}
	}
	return nil
}

var (
	scalarKinds    = []value.Kind{value.KindS, value.KindN, value.KindB}
	containedKinds = append(slices.Clone(scalarKinds), value.KindBool, value.KindNull)
)

// operandKinds are the kinds that an operator accepts. One that isn't listed accepts
// all. (As DynamoDB Local has it; AWS's documentation names fewer for EQ and NE.)
var operandKinds = map[string][]value.Kind{
	"LE": scalarKinds, "LT": scalarKinds, "GE": scalarKinds, "GT": scalarKinds, "IN": scalarKinds, "BETWEEN": scalarKinds,
	"CONTAINS": containedKinds, "NOT_CONTAINS": containedKinds,
	"BEGINS_WITH": {value.KindS, value.KindB},
}

// checkOperands checks the operands: their number, that they have one type, that the
// operator accepts the type, and that a range is in order.
func checkOperands(t expr.LegacyTest) error {
	n, ok := len(t.Args), false
	switch t.Operator {
	case "NULL", "NOT_NULL":
		ok = n == 0
	case "BETWEEN":
		ok = n == 2
	case "IN":
		ok = n > 0
	default:
		ok = n == 1
	}
	if !ok {
		return invalid(paramsInvalid+"Invalid number of argument(s) for the %s ComparisonOperator", t.Operator)
	}
	for _, v := range t.Args {
		if v.Kind != t.Args[0].Kind {
			return invalid(paramsInvalid + "AttributeValues inside AttributeValueList must be of same type")
		}
	}
	for _, v := range t.Args {
		if allowed := operandKinds[t.Operator]; allowed != nil && !slices.Contains(allowed, v.Kind) {
			return invalid(paramsInvalid+"ComparisonOperator %s is not valid for %s AttributeValue type", t.Operator, v.Kind)
		}
	}
	if t.Operator == "BETWEEN" {
		if c, ok := value.Compare(t.Args[0], t.Args[1]); ok && c > 0 {
			return invalid(betweenReversed)
		}
	}
	return nil
}

// legacyTests converts a filter or key condition to tests, in the order of the
// attributes.
func legacyTests(in map[string]ConditionInput) ([]expr.LegacyTest, error) {
	var tests []expr.LegacyTest
	for _, attr := range sortedNames(in) {
		t := expr.LegacyTest{Attr: attr, Operator: *in[attr].ComparisonOperator, Args: in[attr].AttributeValueList}
		if err := validValues(t.Args); err != nil {
			return nil, err
		}
		if err := checkOperands(t); err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// legacyUpdate converts AttributeUpdates to an update; nil if there are none.
func legacyUpdate(in map[string]AttributeUpdate) (*expr.Update, error) {
	if in == nil {
		return nil, nil
	}
	var us []expr.LegacyUpdate
	for _, attr := range sortedNames(in) {
		u, err := in[attr].update(attr)
		if err != nil {
			return nil, err
		}
		us = append(us, u)
	}
	return expr.LegacyUpdates(us), nil
}

func (a AttributeUpdate) update(attr string) (expr.LegacyUpdate, error) {
	u := expr.LegacyUpdate{Attr: attr, Section: "SET"}
	action := "PUT"
	if a.Action != nil {
		action = *a.Action
	}
	if a.Value == nil {
		u.Section = "REMOVE"
		if action != "DELETE" {
			return u, invalid(paramsInvalid + "Only DELETE action is allowed when no attribute value is specified")
		}
		return u, nil
	}
	u.Value = *a.Value
	if err := validValues([]value.Value{u.Value}); err != nil {
		return u, err
	}
	set := []value.Kind{value.KindSS, value.KindNS, value.KindBS}
	switch action {
	case "DELETE":
		u.Section = "DELETE"
		if !slices.Contains(set, u.Value.Kind) {
			return u, invalid(paramsInvalid+"DELETE action with value is not supported for the type %s", u.Value.Kind)
		}
	case "ADD":
		u.Section = "ADD"
		if !slices.Contains(append(set, value.KindN, value.KindL), u.Value.Kind) {
			return u, invalid(paramsInvalid+"ADD action is not supported for the type %s", u.Value.Kind)
		}
	}
	return u, nil
}

// legacyFilter returns the condition in QueryFilter or ScanFilter, nil if there is
// none.
func legacyFilter(in map[string]ConditionInput, operator string) (*expr.Condition, error) {
	tests, err := legacyTests(in)
	return expr.Legacy(tests, operator == "OR"), err
}
