package localstack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
)

// inRegion returns a context for the stack's own calls, in its region.
func (s *Stack) inRegion(ctx context.Context) context.Context {
	return awswire.WithIdentity(ctx, awswire.Identity{
		AccessKeyID: s.creds.AccessKeyID, Region: s.cfg.Region, Service: "dynamodb",
	})
}

func (s *Stack) provisionTable(ctx context.Context, t template.Table) error {
	ctx = s.inRegion(ctx)
	have, err := s.services.dynamodb.DescribeTable(ctx, &dynamodb.TableNameInput{TableName: &t.Name})
	switch {
	case isCode(err, "ResourceNotFoundException"):
		_, err = s.services.dynamodb.CreateTable(ctx, createTable(t))
	case err == nil:
		err = checkTable(t, have.Table)
	}
	if err != nil {
		return err
	}
	return s.provisionTTL(ctx, t)
}

// checkTable compares an existing table with the template's. Its key can't change:
// CloudFormation would replace it with an empty table.
func checkTable(t template.Table, have *dynamodb.TableDescription) error {
	want := createTable(t)
	if !slices.EqualFunc(have.KeySchema, want.KeySchema, equalKey) {
		return errors.New("it has another key than the template's: give the new table a name of its own")
	}
	for _, x := range want.GlobalSecondaryIndexes {
		i := slices.IndexFunc(have.GlobalSecondaryIndexes, func(h dynamodb.Index) bool { return *h.IndexName == *x.IndexName })
		if i >= 0 {
			if !slices.EqualFunc(have.GlobalSecondaryIndexes[i].KeySchema, x.KeySchema, equalKey) {
				return fmt.Errorf("its index %s has another key than the template's: give the new index a name of its own", *x.IndexName)
			}
			continue
		}
		return fmt.Errorf("it lacks the template's index %s: give the new table a name of its own", *x.IndexName)
	}
	return nil
}

func (s *Stack) provisionTTL(ctx context.Context, t template.Table) error {
	out, err := s.services.dynamodb.DescribeTimeToLive(ctx, &dynamodb.TableNameInput{TableName: &t.Name})
	if err != nil {
		return err
	}
	have := ""
	if d := out.TimeToLiveDescription; d != nil && d.TimeToLiveStatus == "ENABLED" {
		have = d.AttributeName
	}
	if have == t.TTLAttribute {
		return nil
	}
	if have != "" {
		if err := s.switchTTL(ctx, t.Name, have, false); err != nil {
			return err
		}
	}
	if t.TTLAttribute == "" {
		return nil
	}
	return s.switchTTL(ctx, t.Name, t.TTLAttribute, true)
}

func (s *Stack) switchTTL(ctx context.Context, table, attribute string, on bool) error {
	_, err := s.services.dynamodb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &dynamodb.TTLSpecification{AttributeName: &attribute, Enabled: &on},
	})
	return err
}

func createTable(t template.Table) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:                 &t.Name,
		BillingMode:               t.BillingMode,
		ProvisionedThroughput:     throughput(t.Throughput),
		KeySchema:                 keySchema(t.Key),
		LocalSecondaryIndexes:     localIndexes(t.Local),
		GlobalSecondaryIndexes:    indexes(t.Global),
		DeletionProtectionEnabled: t.DeletionProtection,
	}
	for _, a := range t.Attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, dynamodb.AttributeDefinition{AttributeName: &a.Name, AttributeType: &a.Type})
	}
	return in
}

func keySchema(key []template.KeyPart) (out []dynamodb.KeySchemaElement) {
	for _, k := range key {
		out = append(out, dynamodb.KeySchemaElement{AttributeName: &k.Name, KeyType: &k.Type})
	}
	return out
}

func indexes(list []template.Index) (out []dynamodb.Index) {
	for _, x := range list {
		out = append(out, dynamodb.Index{
			IndexName:             &x.Name,
			KeySchema:             keySchema(x.Key),
			Projection:            &dynamodb.Projection{ProjectionType: x.Projection, NonKeyAttributes: x.Include},
			ProvisionedThroughput: throughput(x.Throughput),
		})
	}
	return out
}

func localIndexes(list []template.Index) (out []dynamodb.LocalIndex) {
	for _, x := range indexes(list) {
		out = append(out, dynamodb.LocalIndex(x))
	}
	return out
}

func throughput(t *template.Throughput) *dynamodb.Throughput {
	if t == nil {
		return nil
	}
	return &dynamodb.Throughput{ReadCapacityUnits: &t.Read, WriteCapacityUnits: &t.Write}
}

func equalKey(a, b dynamodb.KeySchemaElement) bool {
	return *a.AttributeName == *b.AttributeName && *a.KeyType == *b.KeyType
}
