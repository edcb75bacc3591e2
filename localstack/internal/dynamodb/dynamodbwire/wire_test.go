package dynamodbwire_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// serve starts a stack with the table "jobs" and returns the SDK's client. The table
// has the keys pk and sk, and the sparse index byDue of lane and due.
func serve(t *testing.T) (*sdk.Client, string) {
	t.Helper()
	url := startOurs(t)
	c := sdk.New(sdk.Options{
		BaseEndpoint: &url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		// The SDK closes a request's body once there is an answer. Where net/http
		// still looks whether there was more of it, that gets an EOF, ends the
		// connection, and with it the answer: once in a thousand calls on a busy machine.
		RetryMaxAttempts: 2,
	})
	attr := func(n string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &n, AttributeType: t}
	}
	key := func(h, r string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &h, KeyType: types.KeyTypeHash}, {AttributeName: &r, KeyType: types.KeyTypeRange}}
	}
	_, err := c.CreateTable(t.Context(), &sdk.CreateTableInput{
		TableName: aws.String("jobs"), BillingMode: types.BillingModePayPerRequest, KeySchema: key("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{attr("pk", "S"), attr("sk", "N"), attr("lane", "S"), attr("due", "N")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("byDue"), KeySchema: key("lane", "due"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"what"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, url
}

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v int) types.AttributeValue    { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }

type av = map[string]types.AttributeValue

func TestSDK(t *testing.T) {
	c, _ := serve(t)
	ctx, table := t.Context(), aws.String("jobs")
	for i := range 10 {
		it := av{"pk": s("p"), "sk": n(i), "what": s(strings.Repeat("w", 2000)), "extra": s("x")}
		if i%2 == 0 {
			it["lane"], it["due"] = s("0"), n(100-i)
		}
		out, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: table, Item: it, ReturnConsumedCapacity: "INDEXES"})
		if err != nil {
			t.Fatal(err)
		}
		want := 2.0 // 2 KB and a bit: 2 units; as much again for the index
		if i%2 == 0 {
			want = 4
		}
		if got := *out.ConsumedCapacity.CapacityUnits; got != want {
			t.Errorf("put of item %d used %v units, want %v", i, got, want)
		}
	}
	// The index is sparse, sorted by number, and projects.
	q, err := c.Query(ctx, &sdk.QueryInput{TableName: table, IndexName: aws.String("byDue"), KeyConditionExpression: aws.String("lane = :s AND due BETWEEN :a AND :b"),
		ExpressionAttributeValues: av{":s": s("0"), ":a": n(93), ":b": n(100)}, ReturnConsumedCapacity: "TOTAL"})
	if err != nil {
		t.Fatal(err)
	}
	var sks []string
	for _, it := range q.Items {
		sks = append(sks, it["sk"].(*types.AttributeValueMemberN).Value)
		if _, ok := it["extra"]; ok {
			t.Error("the index shows what it doesn't project")
		}
	}
	if got := strings.Join(sks, " "); got != "6 4 2 0" {
		t.Errorf("index order: %s", got)
	}
	if got := *q.ConsumedCapacity.CapacityUnits; got != 1 { // 4 × about 2,030 bytes are two blocks of 4 KB
		t.Errorf("query used %v units, want 1", got)
	}
	// Pages backwards, with a filter that applies after the limit.
	var seen int
	p := sdk.NewQueryPaginator(c, &sdk.QueryInput{TableName: table, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("attribute_exists(due)"),
		ExpressionAttributeValues: av{":p": s("p")}, Limit: aws.Int32(3), ScanIndexForward: aws.Bool(false)})
	for pages := 1; p.HasMorePages(); pages++ {
		out, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if pages < 4 && out.ScannedCount != 3 {
			t.Errorf("page %d read %d items", pages, out.ScannedCount)
		}
		seen += len(out.Items)
	}
	if seen != 5 {
		t.Errorf("the pages held %d items, want 5", seen)
	}
	// An update that moves the index entry: item 2+…, removal and new entry.
	u, err := c.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: table, Key: av{"pk": s("p"), "sk": n(0)}, UpdateExpression: aws.String("SET due = due + :one REMOVE what"),
		ExpressionAttributeValues: av{":one": n(1)}, ReturnValues: types.ReturnValueUpdatedNew, ReturnConsumedCapacity: "INDEXES"})
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Attributes["due"].(*types.AttributeValueMemberN).Value; got != "101" || len(u.Attributes) != 1 {
		t.Errorf("UPDATED_NEW: %v", u.Attributes)
	}
	if got := *u.ConsumedCapacity.GlobalSecondaryIndexes["byDue"].CapacityUnits; got != 3 {
		t.Errorf("moving the entry used %v units of the index, want 2 to delete and 1 to put", got)
	}
}

func TestSDKErrors(t *testing.T) {
	c, _ := serve(t)
	ctx, table := t.Context(), aws.String("jobs")
	it := av{"pk": s("p"), "sk": n(1), "v": s("old")}
	if _, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: table, Item: it}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	if ccf := (*types.ConditionalCheckFailedException)(nil); !errors.As(err, &ccf) || ccf.Item["v"].(*types.AttributeValueMemberS).Value != "old" {
		t.Errorf("failed condition: %v", err)
	}
	transact := func(token, v string) error {
		_, err := c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{ClientRequestToken: &token, TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: table, Item: av{"pk": s("q"), "sk": n(1), "v": s(v)}}},
			{Update: &types.Update{TableName: table, Key: av{"pk": s("p"), "sk": n(1)}, UpdateExpression: aws.String("SET v = :v"), ConditionExpression: aws.String("v = :old"),
				ExpressionAttributeValues: av{":v": s(v), ":old": s("old")}, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		}})
		return err
	}
	if err := transact("t1", "new"); err != nil {
		t.Fatal(err)
	}
	if err := transact("t1", "new"); err != nil {
		t.Errorf("the same transaction again: %v", err)
	}
	if mismatch := (*types.IdempotentParameterMismatchException)(nil); !errors.As(transact("t1", "other"), &mismatch) {
		t.Error("another transaction with the same token was taken")
	}
	cancelled := (*types.TransactionCanceledException)(nil)
	if err := transact("t2", "newer"); !errors.As(err, &cancelled) {
		t.Fatalf("a transaction with a failed condition: %v", err)
	}
	r := cancelled.CancellationReasons
	if *r[0].Code != "None" || *r[1].Code != "ConditionalCheckFailed" || r[1].Item["v"].(*types.AttributeValueMemberS).Value != "new" {
		t.Errorf("reasons: %+v", r)
	}
	got, err := c.GetItem(ctx, &sdk.GetItemInput{TableName: table, Key: av{"pk": s("q"), "sk": n(1)}, ConsistentRead: aws.Bool(true)})
	if err != nil || got.Item["v"].(*types.AttributeValueMemberS).Value != "new" {
		t.Errorf("a cancelled transaction left %v, %v", got.Item, err)
	}
}

// TestAbsent: an operation of AWS that isn't supported fails with its name. One that
// AWS doesn't have either fails with AWS's empty message. Every response has its
// checksum.
func TestAbsent(t *testing.T) {
	_, url := serve(t)
	for target, want := range map[string]string{
		"DynamoDB_20120810.ExecuteStatement":       `"message":"PartiQL is not supported here: ExecuteStatement"`,
		"DynamoDB_20120810.CreateBackup":           `"message":"backups are not supported here: CreateBackup"`,
		"DynamoDBStreams_20120810.ListStreams":     `"message":"streams are not supported here: ListStreams"`,
		"DynamoDB_20120810.UpdateKinesisStreaming": `{"__type":"com.amazon.coral.service#UnknownOperationException"}`,
		"": `{"__type":"com.amazon.coral.service#UnknownOperationException"}`,
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		req.Header.Set("X-Amz-Target", target)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(string(body), "UnknownOperationException") || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s\nwant %s", target, resp.StatusCode, body, want)
		}
		if got, want := resp.Header.Get("X-Amz-Crc32"), fmt.Sprint(crc32.ChecksumIEEE(body)); got != want {
			t.Errorf("crc32 %s, want %s", got, want)
		}
	}
}

// TestSDKTags: the operations whose responses have no body.
func TestSDKTags(t *testing.T) {
	c, _ := serve(t)
	d, err := c.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	arn := d.Table.TableArn
	if _, err := c.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}); err != nil {
		t.Fatal(err)
	}
	out, err := c.ListTagsOfResource(t.Context(), &sdk.ListTagsOfResourceInput{ResourceArn: arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Value != "v" {
		t.Errorf("tags: %+v, %v", out, err)
	}
	if _, err := c.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"k"}}); err != nil {
		t.Fatal(err)
	}
}

// TestCounter: concurrent conditional increments lose no update.
func TestCounter(t *testing.T) {
	c, _ := serve(t)
	ctx, table, key := t.Context(), aws.String("jobs"), av{"pk": s("counter"), "sk": n(0)}
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < each; {
				got, err := c.GetItem(ctx, &sdk.GetItemInput{TableName: table, Key: key, ConsistentRead: aws.Bool(true)})
				if err != nil {
					t.Error(err)
					return
				}
				cond, vals := "attribute_not_exists(c)", av{":one": n(1), ":zero": n(0)}
				if v, ok := got.Item["c"]; ok {
					cond, vals[":was"] = "c = :was", v
				}
				_, err = c.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("SET c = if_not_exists(c, :zero) + :one"),
					ConditionExpression: &cond, ExpressionAttributeValues: vals})
				var failed *types.ConditionalCheckFailedException
				switch {
				case err == nil:
					done++
				case !errors.As(err, &failed):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := c.GetItem(ctx, &sdk.GetItemInput{TableName: table, Key: key})
	if err != nil || got.Item["c"].(*types.AttributeValueMemberN).Value != fmt.Sprint(writers*each) {
		t.Errorf("the counter stands at %v, %v", got.Item["c"], err)
	}
}

// TestNamesAreExact: as on AWS, names are case-sensitive, and unknown ones are
// ignored.
func TestNamesAreExact(t *testing.T) {
	_, url := serve(t)
	for body, want := range map[string]int{
		`{"TableName":"jobs","tablename":"none","Unknown":1}`: http.StatusOK,
		`{"tablename":"jobs"}`:                                http.StatusBadRequest,
	} {
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.DescribeTable")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", body, resp.Status, want)
		}
	}
}
