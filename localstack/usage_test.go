package localstack

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

// TestUsage: units as AWS bills them, also where the caller didn't ask, who
// then doesn't see them.
func TestUsage(t *testing.T) {
	s := start(t, Config{})
	d := dynamodb.NewFromConfig(s.AWSConfig())
	name := aws.String("tests")
	_, err := d.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: `"ReturnConsumedCapacity"`}}
	item := map[string]types.AttributeValue{"pk": key["pk"], "data": &types.AttributeValueMemberS{Value: strings.Repeat("x", 1500)}}
	put, err := d.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: name, Item: item})
	if err != nil || put.ConsumedCapacity != nil {
		t.Errorf("put: %+v, %v", put, err)
	}
	got, err := d.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: name, Key: key, ReturnConsumedCapacity: "TOTAL"})
	if err != nil || len(got.Item) != 2 || got.ConsumedCapacity == nil || *got.ConsumedCapacity.CapacityUnits != 0.5 {
		t.Errorf("get: %+v, %v", got, err)
	}
	none, err := d.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: name, Key: key, ReturnConsumedCapacity: "NONE", ConsistentRead: aws.Bool(true)})
	if err != nil || none.ConsumedCapacity != nil {
		t.Errorf("get: %+v, %v", none, err)
	}
	_, err = d.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: name, Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}}}},
		{Put: &types.Put{TableName: name, Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "b"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(s.AWSConfig()).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]Usage{
		"dynamodb.CreateTable":        {Calls: 1},
		"dynamodb.PutItem":            {Calls: 1, WriteUnits: 2},
		"dynamodb.GetItem":            {Calls: 2, ReadUnits: 1.5},
		"dynamodb.TransactWriteItems": {Calls: 1, WriteUnits: 4},
		"sqs.ListQueues":              {Calls: 1},
	}
	if diff := cmp.Diff(want, s.Usage()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
