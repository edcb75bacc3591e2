package crash

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A check compares what a restarted stack has with the ledger, and leaves the
// queue empty.
type check struct {
	client *sqs.Client
	url    string
	ledger *ledger
	faults []string
}

func (c *check) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *check) run() []string {
	for _, step := range []func() error{c.polls, c.flights, c.sends, c.showAll, c.drain} {
		if err := step(); err != nil {
			c.fault("%v", err)
			break
		}
	}
	return c.faults
}

// polls asks the receives again: one that was answered gives the same messages
// with the same handles, if nothing was done with them; one that was cut off
// gives what it took, or takes it now.
func (c *check) polls() error {
	for _, p := range c.ledger.polls {
		if p.got != nil && c.touched(p.got) {
			continue
		}
		got, err := receive(c.client, c.url, p.attempt)
		if err != nil {
			return fmt.Errorf("receive again: %w", err)
		}
		if len(p.got) > 0 {
			same := slices.EqualFunc(got, p.got, func(a, b types.Message) bool {
				return *a.MessageId == *b.MessageId && *a.ReceiptHandle == *b.ReceiptHandle && *a.Body == *b.Body
			})
			if !same {
				c.fault("attempt %s gave %s, and after the crash %s", p.attempt, names(p.got), names(got))
			}
		}
		c.mine(got)
	}
	return nil
}

// touched is whether an attempt may not be answered as it was. A message may
// have been received anew since, too: its handle is another then.
func (c *check) touched(got []types.Message) bool {
	return slices.ContainsFunc(got, func(m types.Message) bool {
		known := c.ledger.messages[*m.Body]
		return known.deleting || known.shown || known.handle != *m.ReceiptHandle
	})
}

func names(messages []types.Message) []string {
	var n []string
	for _, m := range messages {
		n = append(n, *m.Body)
	}
	return n
}

// mine looks at messages that were received after the crash.
func (c *check) mine(got []types.Message) {
	for _, m := range got {
		known := c.ledger.messages[*m.Body]
		switch {
		case known == nil:
			c.fault("%s is of an earlier round, and was deleted", *m.Body)
			continue
		case known.deleted:
			c.fault("%s was deleted and comes back", known.body)
		case known.handle != "" && !known.deleting && !known.shown && known.handle != *m.ReceiptHandle:
			c.fault("%s was in flight and is received", known.body)
		}
		c.counted(known, m)
		c.ledger.received([]types.Message{m})
	}
}

// counted: the receive count goes up by one with each new handle.
func (c *check) counted(known *message, m types.Message) {
	last, _ := strconv.Atoi(known.count)
	want := last + 1
	if known.handle == *m.ReceiptHandle {
		want = last
	}
	if got := m.Attributes["ApproximateReceiveCount"]; got != strconv.Itoa(want) {
		c.fault("%s was received %s times, and says %s", known.body, strconv.Itoa(want), got)
	}
}

// flights: what was received, and not given back, is in flight still: its
// handle can move its deadline.
func (c *check) flights() error {
	for _, m := range c.ledger.messages {
		if m.handle == "" || m.deleting || m.shown {
			continue
		}
		_, err := c.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: &c.url, ReceiptHandle: &m.handle, VisibilityTimeout: hidden,
		})
		if err != nil {
			c.fault("%s isn't in flight any more: %v", m.body, err)
		}
	}
	return nil
}

// sends: what was sent is deduplicated, and answered with the same ID; a send
// that was cut off and is tried again has been, or is now, stored once.
func (c *check) sends() error {
	slices.Sort(c.ledger.unsent) // a group's in their order
	for _, body := range c.ledger.unsent {
		m := c.ledger.messages[body]
		id, err := c.sendAgain(m)
		if err != nil {
			return err
		}
		m.id = id
	}
	n := 0
	for _, m := range c.ledger.messages {
		if n++; n > 40 { // some will do
			return nil
		}
		id, err := c.sendAgain(m)
		if err != nil {
			return err
		}
		if id != m.id {
			c.fault("%s was sent as %s, and again as %s", m.body, m.id, id)
		}
	}
	return nil
}

func (c *check) sendAgain(m *message) (id string, err error) {
	out, err := c.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &c.url, MessageBody: &m.body, MessageGroupId: &m.group, MessageDeduplicationId: &m.body,
	})
	if err != nil {
		return "", fmt.Errorf("send again: %w", err)
	}
	return *out.MessageId, nil
}

// showAll gives back all that is in flight.
func (c *check) showAll() error {
	for _, m := range c.ledger.messages {
		if m.handle != "" {
			_ = show(c.client, c.url, m.handle) // refused where it is in flight no more
			m.shown = true
		}
	}
	return nil
}

// drain receives and deletes all: what was acknowledged comes, once, in order.
func (c *check) drain() error {
	seen, last := map[string]bool{}, map[string]string{}
	for {
		got, err := receive(c.client, c.url, "")
		if err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		if len(got) == 0 {
			break
		}
		c.mine(got)
		for _, m := range got {
			group := m.Attributes["MessageGroupId"]
			if *m.Body <= last[group] {
				c.fault("%s comes after %s", *m.Body, last[group])
			}
			seen[*m.Body], last[group] = true, *m.Body
			if _, err := c.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &c.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return fmt.Errorf("drain: %w", err)
			}
		}
	}
	for body, m := range c.ledger.messages {
		if m.id != "" && !m.deleting && !seen[body] {
			c.fault("%s was acknowledged and is gone", body)
		}
	}
	return c.empty()
}

// empty: nothing is left that nobody knows of.
func (c *check) empty() error {
	out, err := c.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &c.url, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"},
	})
	if err != nil {
		return err
	}
	for name, n := range out.Attributes {
		if n != "0" {
			c.fault("when all is received, %s is %s", name, n)
		}
	}
	return nil
}

// createQueue creates the queue, or finds it.
func createQueue(client *sqs.Client) (url string, err error) {
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String("crash.fifo"), Attributes: map[string]string{"FifoQueue": "true"},
	})
	if err != nil {
		return "", err
	}
	return *out.QueueUrl, nil
}
