package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var ctx = context.Background()

// A load is senders and consumers of one queue. Each ends with the first call
// of its own that is cut off.
type load struct {
	client *sqs.Client
	url    string
	ledger *ledger
	round  int
	limit  int    // answers after which kill is called
	kill   func() // once
	once   sync.Once
}

const (
	senders   = 4
	consumers = 3
	hidden    = 3600 // s: a message that was received stays so for the whole test
)

func (l *load) run(seed uint64) {
	var wg sync.WaitGroup
	for w := range senders {
		wg.Go(func() { l.sender(w, rand.New(rand.NewPCG(seed, uint64(w)))) })
	}
	for w := range consumers {
		wg.Go(func() { l.consumer(w, rand.New(rand.NewPCG(seed, uint64(100+w)))) })
	}
	wg.Wait()
	l.once.Do(l.kill)
}

// answered notes an answer and, at the limit, kills. The other workers' calls are
// under way then.
func (l *load) answered(f func()) {
	if l.ledger.answered(f) >= l.limit {
		l.once.Do(l.kill)
	}
}

// sender fills three groups of its own, in order, one message or two at a time,
// some of them large.
func (l *load) sender(w int, random *rand.Rand) {
	for range 400 {
		group := fmt.Sprintf("g%d-%d", w, random.IntN(3))
		var bodies []string
		l.ledger.note(func() {
			for range 1 + random.IntN(2) {
				n := l.ledger.groups[group]
				l.ledger.groups[group]++
				bodies = append(bodies, fmt.Sprintf("%s/%06d", group, n))
			}
			for _, body := range bodies {
				l.ledger.messages[body] = &message{body: body, group: group}
			}
		})
		if !l.send(group, bodies, random.IntN(20) == 0) {
			l.ledger.note(func() { l.ledger.unsent = append(l.ledger.unsent, bodies...) })
			return
		}
	}
}

func (l *load) send(group string, bodies []string, large bool) bool {
	in := &sqs.SendMessageBatchInput{QueueUrl: &l.url}
	for i, body := range bodies {
		entry := types.SendMessageBatchRequestEntry{
			Id: aws.String(fmt.Sprint(i)), MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &body,
		}
		if large {
			entry.MessageAttributes = map[string]types.MessageAttributeValue{
				"padding": {DataType: aws.String("String"), StringValue: aws.String(strings.Repeat("x", 100_000))},
			}
		}
		in.Entries = append(in.Entries, entry)
	}
	out, err := l.client.SendMessageBatch(ctx, in)
	if err != nil {
		return false
	}
	l.answered(func() {
		for _, sent := range out.Successful {
			l.ledger.messages[bodies[(*sent.Id)[0]-'0']].id = *sent.MessageId
		}
	})
	return true
}

// consumer receives, and deletes, holds or gives back what it gets.
func (l *load) consumer(w int, random *rand.Rand) {
	var latest *poll
	for i := range 400 {
		p := &poll{attempt: fmt.Sprintf("round-%d-%d-%d", l.round, w, i)}
		l.ledger.note(func() {
			l.ledger.polls = append(l.ledger.polls, p)
		})
		got, err := receive(l.client, l.url, p.attempt)
		if err != nil {
			return
		}
		l.answered(func() {
			l.ledger.received(got)
			p.got = append([]types.Message{}, got...)
			l.drop(latest)
		})
		latest = p
		for _, m := range got {
			if !l.use(m, random.IntN(4)) {
				return
			}
		}
	}
}

// drop forgets a poll, since its consumer has made another.
func (l *load) drop(old *poll) {
	for i, p := range l.ledger.polls {
		if p == old {
			l.ledger.polls = append(l.ledger.polls[:i], l.ledger.polls[i+1:]...)
			return
		}
	}
}

func receive(client *sqs.Client, url, attempt string) ([]types.Message, error) {
	in := &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 4, VisibilityTimeout: hidden,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount", "MessageGroupId"},
	}
	if attempt != "" {
		in.ReceiveRequestAttemptId = &attempt
	}
	out, err := client.ReceiveMessage(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

func (l *load) use(m types.Message, what int) bool {
	var known *message
	l.ledger.note(func() { known = l.ledger.messages[*m.Body] })
	switch what {
	case 0, 1:
		l.ledger.note(func() { known.deleting = true })
		_, err := l.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: m.ReceiptHandle})
		if err != nil {
			return false
		}
		l.answered(func() { known.deleted = true })
	case 2:
		l.ledger.note(func() { known.shown = true })
		if show(l.client, l.url, *m.ReceiptHandle) != nil {
			return false
		}
		l.answered(func() {})
	}
	return true
}

func show(client *sqs.Client, url, handle string) error {
	_, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: &handle})
	return err
}
