package dynamodb

import "github.com/errandhq/errand/localstack/internal/dynamodb/expr"

const onlyAllOld = "ReturnValues can only be ALL_OLD or NONE"

func (in *PutItemInput) check() (*expr.Condition, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{condition: in.ConditionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	if err := p.exclusive([]named{{"ConditionExpression", p.condition != nil}}, []named{{"Expected", in.Expected != nil}}); err != nil {
		return nil, err
	}
	if err := checkValues(in.Item); err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "ALL_OLD" && in.ReturnValues != "NONE" {
		return nil, invalid(onlyAllOld)
	}
	if err := tooBig(in.Item, putTooBig); err != nil {
		return nil, err
	}
	return p.conditionOr(in.Expected, in.ConditionalOperator)
}

func (in *DeleteItemInput) check() (*expr.Condition, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{condition: in.ConditionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	if err := p.exclusive([]named{{"ConditionExpression", p.condition != nil}}, []named{{"Expected", in.Expected != nil}}); err != nil {
		return nil, err
	}
	if err := checkValues(in.Key); err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "ALL_OLD" && in.ReturnValues != "NONE" {
		return nil, invalid(onlyAllOld)
	}
	return p.conditionOr(in.Expected, in.ConditionalOperator)
}

// conditionOr is the condition by expression, or that of Expected, or nil.
func (p params) conditionOr(older map[string]Expected, operator string) (*expr.Condition, error) {
	old, err := expectation(older, operator)
	if err != nil {
		return nil, err
	}
	c, err := p.compile()
	if c.condition == nil {
		c.condition = old
	}
	return c.condition, err
}
