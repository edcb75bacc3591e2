package dynamodb

import (
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// params are the expressions of a request; absent ones are nil.
type params struct {
	update, condition, keyCondition, filter, projection *string

	names  map[string]string
	values Item
}

// compiled are the checked expressions of a request.
type compiled struct {
	update                 *expr.Update
	condition, key, filter *expr.Condition
	projection             []expr.Path
}

type namedParam struct {
	name  string
	given bool
}

func given(ns []namedParam) []string {
	var out []string
	for _, n := range ns {
		if n.given {
			out = append(out, n.name)
		}
	}
	return out
}

// exclusive fails if expressions and legacy parameters are mixed, or if names or
// values are given without an expression that could use them.
func (p params) exclusive(exprs, legacy []namedParam) error {
	have, old := given(exprs), given(legacy)
	if len(have) > 0 && len(old) > 0 {
		return invalid("Can not use both expression and non-expression parameters in the same request: "+
			"Non-expression parameters: {%s} Expression parameters: {%s}", strings.Join(old, ", "), strings.Join(have, ", "))
	}
	if p.names != nil && len(have) == 0 {
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	}
	var taking []string // values
	for _, n := range exprs {
		if n.name == "ProjectionExpression" {
			continue
		}
		if n.given {
			return nil
		}
		taking = append(taking, n.name)
	}
	if p.values == nil || len(taking) == 0 {
		return nil
	}
	are := "is"
	if len(taking) > 1 {
		are = "are"
	}
	return invalid("ExpressionAttributeValues can only be specified when using expressions: %s %s null", strings.Join(taking, " and "), are)
}

// compile parses and checks the expressions, in AWS's order.
func (p params) compile() (c compiled, err error) {
	if p.none() {
		return c, nil
	}
	scope, err := expr.NewScope(p.names, p.values)
	if err != nil {
		return c, asInvalid(err)
	}
	if p.update != nil && err == nil {
		c.update, err = scope.Update(*p.update)
	}
	if p.condition != nil && err == nil {
		c.condition, err = scope.Condition("ConditionExpression", *p.condition)
	}
	if p.keyCondition != nil && err == nil {
		c.key, err = scope.Condition("KeyConditionExpression", *p.keyCondition)
	}
	if p.filter != nil && err == nil {
		c.filter, err = scope.Condition("FilterExpression", *p.filter)
	}
	if p.projection != nil && err == nil {
		c.projection, err = scope.Projection(*p.projection)
	}
	if err == nil {
		err = scope.Unused()
	}
	return c, asInvalid(err)
}

// none reports whether there are no expressions.
func (p params) none() bool {
	return p.update == nil && p.condition == nil && p.keyCondition == nil && p.filter == nil && p.projection == nil &&
		p.names == nil && p.values == nil
}

// checkValues returns a ValidationException for an invalid value in an item or key.
func checkValues(it Item) error {
	if err := it.Validate(); err != nil {
		return invalid("%s", err)
	}
	return nil
}

func tooBig(it Item, message string) error {
	if it.Size() > maxItemSize {
		return invalid("%s", message)
	}
	return nil
}

const (
	putTooBig    = "Item size has exceeded the maximum allowed size"
	updateTooBig = "Item size to update has exceeded the maximum allowed size"
)

// attributePaths returns the paths in AttributesToGet.
func attributePaths(names []string) ([]expr.Path, error) {
	seen := map[string]bool{}
	var paths []expr.Path
	for _, n := range names {
		if seen[n] {
			return nil, invalid(paramsInvalid+"Duplicate value in attribute name: %s", n)
		}
		seen[n] = true
		paths = append(paths, expr.Top(n))
	}
	return paths, nil
}

// projected returns the item, or the parts of it that a projection selects.
func projected(it Item, projection []expr.Path) Item {
	if projection == nil {
		return it
	}
	return expr.Project(it, projection)
}
