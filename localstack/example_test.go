package localstack_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand/localstack"
)

// A stack in memory, reached without a socket: what a test needs.
func Example() {
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

// A clock that the test moves: timeouts pass at once, and exactly.
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
			QueueUrl: queue.QueueUrl, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
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

// State in a directory outlives the stack. With Addr, other processes reach it
// at Endpoint, with Credentials.
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
