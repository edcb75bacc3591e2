package localstack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand/localstack"
)

// A stack in memory, with the SQS client of aws-sdk-go-v2. No port is opened.
func ExampleStart() {
	ctx := context.Background()
	stack, err := localstack.Start(ctx, localstack.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()

	client := sqs.NewFromConfig(stack.AWSConfig())
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String("orders.fifo"), Attributes: map[string]string{"FifoQueue": "true"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, body := range []string{"first", "second", "first"} {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: queue.QueueUrl, MessageBody: &body, MessageGroupId: aws.String("customer-7"), MessageDeduplicationId: &body,
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range got.Messages {
		fmt.Println(*m.Body)
	}
	// Output:
	// first
	// second
}

// With a manual clock, a test decides when timeouts pass.
func ExampleNewManualClock() {
	ctx := context.Background()
	clock := localstack.NewManualClock(time.Now())
	stack, err := localstack.Start(ctx, localstack.Config{Clock: clock})
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()

	client := sqs.NewFromConfig(stack.AWSConfig())
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "3600"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("x")}); err != nil {
		log.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 59 * time.Minute, time.Minute} {
		clock.Advance(wait)
		got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: queue.QueueUrl, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"ApproximateReceiveCount"},
		})
		if err != nil {
			log.Fatal(err)
		}
		for _, m := range got.Messages {
			fmt.Println("received", m.Attributes["ApproximateReceiveCount"])
		}
	}
	// Output:
	// received 1
	// received 2
}

// The state in a directory outlives the stack. With Addr, other processes reach it
// at Endpoint.
func ExampleStart_durable() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "stack")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config := localstack.Config{
		DataDir: dir, Addr: "127.0.0.1:0", Credentials: localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"},
	}
	for _, name := range []string{"a", "b"} {
		stack, err := localstack.Start(ctx, config)
		if err != nil {
			log.Fatal(err)
		}
		client := sqs.NewFromConfig(stack.AWSConfig())
		if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			log.Fatal(err)
		}
		queues, err := client.ListQueues(ctx, &sqs.ListQueuesInput{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(queues.QueueUrls))
		if err := stack.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1
	// 2
}

// A SAM template's table and function. The function is a Go value, and its
// environment has the table's name.
func ExampleStart_template() {
	ctx := context.Background()
	template := `
Transform: AWS::Serverless-2016-10-31
Resources:
  Visits:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: page, AttributeType: S}]
      KeySchema: [{AttributeName: page, KeyType: HASH}]
  Visit:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/visit/
      Environment: {Variables: {TABLE: !Ref Visits}}
      Events: {Post: {Type: HttpApi, Properties: {Method: POST, Path: "/visits/{page}"}}}
`
	var tables *dynamodb.Client
	visit := func(env map[string]string) (localstack.Handler, error) {
		return lambda.NewHandler(func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (int, error) {
			out, err := tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName:                 aws.String(env["TABLE"]),
				Key:                       map[string]types.AttributeValue{"page": &types.AttributeValueMemberS{Value: e.PathParameters["page"]}},
				UpdateExpression:          aws.String("ADD visits :one"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
				ReturnValues:              types.ReturnValueUpdatedNew,
			})
			if err != nil {
				return 0, err
			}
			return strconv.Atoi(out.Attributes["visits"].(*types.AttributeValueMemberN).Value)
		}), nil
	}
	stack, err := localstack.Start(ctx, localstack.Config{
		Template:  []byte(template),
		Functions: map[string]localstack.FunctionCode{"visit": {New: visit}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()
	tables = dynamodb.NewFromConfig(stack.AWSConfig())

	server := httptest.NewServer(stack.API(localstack.APIOptions{}))
	defer server.Close()
	for range 2 {
		resp, err := http.Post(server.URL+"/visits/home", "", nil)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(resp.Status, string(body))
	}
	// Output:
	// 200 OK 1
	// 200 OK 2
}

// In a Go test: each test starts a stack of its own, in milliseconds, and what
// the stack logs goes to the test's log.
func ExampleStart_test() {
	startStack := func(t *testing.T) *localstack.Stack {
		t.Helper()
		stack, err := localstack.Start(t.Context(), localstack.Config{Logf: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := stack.Close(); err != nil {
				t.Error(err)
			}
		})
		return stack
	}
	_ = func(t *testing.T) { // func TestUpload(t *testing.T)
		t.Parallel()
		client := s3.NewFromConfig(startStack(t).AWSConfig())
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("uploads")}); err != nil {
			t.Fatal(err)
		}
		// Test code that uses the client.
	}
}

// A hostile stack throttles, loses responses and returns stale reads, as AWS may.
// The same seed gives the same faults.
func ExampleHostileProfile() {
	ctx := context.Background()
	stack, err := localstack.Start(ctx, localstack.Config{Hostile: &localstack.Hostile{
		Seed: 1, SQS: localstack.HostileProfile(1).SQS, // of SQS only
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()

	client := sqs.NewFromConfig(stack.AWSConfig(), func(o *sqs.Options) { o.RetryMaxAttempts = 20 })
	for range 50 {
		if _, err := client.ListQueues(ctx, &sqs.ListQueuesInput{}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("lost responses:", stack.Hostility()["sqs.lostAnswer"] > 0)
	// Output:
	// lost responses: true
}
