package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand/internal/template"
)

// tableWait is how long a new table may take until it can be used.
const tableWait = 5 * time.Minute

func (p *provisioner) table(ctx context.Context, t template.Table) error {
	resource, done := "table "+t.Name, "exists"
	have, err := p.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
	switch {
	case isCode(err, "ResourceNotFoundException"):
		done = "created"
		err = p.createTable(ctx, t)
	case err == nil:
		err = checkTable(t, have.Table)
	}
	if err != nil {
		return err
	}
	p.report(Change{Resource: resource, Done: done})
	return p.optional(resource, "the expiry of items", p.expireItems(ctx, t))
}

func (p *provisioner) createTable(ctx context.Context, t template.Table) error {
	in := &dynamodb.CreateTableInput{
		TableName: &t.Name, BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema(t.Key),
	}
	for _, a := range t.Attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &a.Name, AttributeType: types.ScalarAttributeType(a.Type)})
	}
	for _, x := range t.Global {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes,
			types.GlobalSecondaryIndex{IndexName: &x.Name, KeySchema: keySchema(x.Key), Projection: projection(x)})
	}
	for _, x := range t.Local {
		in.LocalSecondaryIndexes = append(in.LocalSecondaryIndexes,
			types.LocalSecondaryIndex{IndexName: &x.Name, KeySchema: keySchema(x.Key), Projection: projection(x)})
	}
	if _, err := p.tables.CreateTable(ctx, in); err != nil && !isCode(err, "ResourceInUseException") { // another one creates it too
		return err
	}
	return dynamodb.NewTableExistsWaiter(p.tables, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 100 * time.Millisecond }).
		Wait(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name}, tableWait)
}

func keySchema(key []template.KeyPart) (out []types.KeySchemaElement) {
	for _, k := range key {
		out = append(out, types.KeySchemaElement{AttributeName: &k.Name, KeyType: types.KeyType(k.Type)})
	}
	return out
}

func projection(x template.Index) *types.Projection {
	return &types.Projection{ProjectionType: types.ProjectionType(x.Projection), NonKeyAttributes: x.Include}
}

// checkTable compares an existing table with the template's. A key can't change.
func checkTable(t template.Table, have *types.TableDescription) error {
	if !equalKeys(have.KeySchema, t.Key) {
		return errors.New("it exists with another key: choose another --stack-name, or remove that table")
	}
	for _, x := range t.Global {
		i := slices.IndexFunc(have.GlobalSecondaryIndexes, func(h types.GlobalSecondaryIndexDescription) bool { return aws.ToString(h.IndexName) == x.Name })
		if i < 0 || !equalKeys(have.GlobalSecondaryIndexes[i].KeySchema, x.Key) {
			return fmt.Errorf("it exists without the index %s as it must be: choose another --stack-name, or remove that table", x.Name)
		}
	}
	return nil
}

func equalKeys(have []types.KeySchemaElement, want []template.KeyPart) bool {
	return slices.EqualFunc(have, want, func(h types.KeySchemaElement, w template.KeyPart) bool {
		return aws.ToString(h.AttributeName) == w.Name && string(h.KeyType) == w.Type
	})
}

// expireItems turns the time to live on, unless it is on already: to turn it on again
// is an error.
func (p *provisioner) expireItems(ctx context.Context, t template.Table) error {
	if t.TTLAttribute == "" {
		return nil
	}
	have, err := p.tables.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &t.Name})
	if err != nil {
		return err
	}
	if d := have.TimeToLiveDescription; d != nil && aws.ToString(d.AttributeName) == t.TTLAttribute &&
		(d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		return nil
	}
	_, err = p.tables.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &t.Name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &t.TTLAttribute, Enabled: aws.Bool(true)},
	})
	return err
}
