package sqs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

var (
	ctx   = caller("us-east-1", "http://here")
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// caller is the context of a request in a region, to an endpoint.
func caller(region, endpoint string) context.Context {
	ctx := awswire.WithIdentity(context.Background(), awswire.Identity{Region: region})
	return sqs.WithRequest(ctx, sqs.Request{Endpoint: endpoint})
}

// stack is an engine on a file system in memory, and a clock that stands.
type stack struct {
	*sqs.Engine
	clock *clock.Manual
	fs    *vfs.MemFS
	store *kv.Store
	close func()
	opts  []func(*sqs.Config)
}

func newStack(t testing.TB, opts ...func(*sqs.Config)) *stack {
	t.Helper()
	return openStack(t, vfs.NewMem(), clock.NewManual(start), opts...)
}

func oldestFirst(c *sqs.Config) { c.OldestGroupFirst = true }

func openStack(t testing.TB, fs *vfs.MemFS, c *clock.Manual, opts ...func(*sqs.Config)) *stack {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	cfg := sqs.Config{Config: engine.Config{Store: store, Clock: c, Logf: t.Logf}}
	for _, opt := range opts {
		opt(&cfg)
	}
	e, err := sqs.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{Engine: e, clock: c, fs: fs, store: store, opts: opts}
	closed := false
	s.close = func() {
		if closed {
			return
		}
		closed = true
		e.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(s.close)
	return s
}

// restart closes the engine and opens another on what it stored.
func (s *stack) restart(t testing.TB) {
	t.Helper()
	s.close()
	*s = *openStack(t, s.fs, s.clock, s.opts...)
}

// create makes a queue; attributes are "Name=value".
func (s *stack) create(t testing.TB, name string, attributes ...string) {
	t.Helper()
	m := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		m["FifoQueue"] = "true"
	}
	for _, a := range attributes {
		k, v, _ := strings.Cut(a, "=")
		m[k] = v
	}
	if _, err := s.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name, Attributes: m}); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) set(t testing.TB, queue, attribute, value string) {
	t.Helper()
	_, err := s.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{attribute: value}})
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// send puts body into a FIFO queue's group, with body as deduplication ID.
func (s *stack) send(t testing.TB, queue, group, body string) *sqs.SendMessageOutput {
	t.Helper()
	in := sqs.SendMessageInput{QueueUrl: queue, MessageBody: body}
	if group != "" {
		in.MessageGroupId = &group
	}
	if strings.HasSuffix(queue, ".fifo") {
		in.MessageDeduplicationId = &body
	}
	out, err := s.SendMessage(ctx, &in)
	if err != nil {
		t.Fatalf("send %q: %v", body, err)
	}
	return out
}

func (s *stack) receive(t testing.TB, in sqs.ReceiveMessageInput) []sqs.Message {
	t.Helper()
	if in.WaitTimeSeconds == nil {
		in.WaitTimeSeconds = ptr[int32](0)
	}
	out, err := s.ReceiveMessage(ctx, &in)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return out.Messages
}

// take receives up to n messages.
func (s *stack) take(t testing.TB, queue string, n int32) []sqs.Message {
	t.Helper()
	return s.receive(t, sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: &n})
}

func (s *stack) delete(queue string, m sqs.Message) error {
	_, err := s.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (s *stack) hide(queue string, m sqs.Message, seconds int32) error {
	_, err := s.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: &seconds})
	return err
}

func (s *stack) attribute(t testing.TB, queue, name string) string {
	t.Helper()
	out, err := s.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes[name]
}

// bodies is what messages say, in order: "a b c".
func bodies(messages []sqs.Message) string {
	var b []string
	for _, m := range messages {
		b = append(b, m.Body)
	}
	return strings.Join(b, " ")
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks code and text; a text may be a part of what AWS says.
func wantError(t testing.TB, err error, code, text string) {
	t.Helper()
	var e *awswire.Error
	if !errors.As(err, &e) {
		t.Errorf("got error %v, want %s", err, code)
		return
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %s: %s\nwant %s: %s", e.Code, e.Message, code, text)
	}
}
