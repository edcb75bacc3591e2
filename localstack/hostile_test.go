package localstack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// hostileWorld is a hostile stack, with clients that try for as long as it takes.
type hostileWorld struct {
	*Stack
	t     *testing.T
	clock *ManualClock
	sqs   *sqs.Client
	db    *dynamodb.Client
	s3    *s3.Client
}

func startHostile(t *testing.T, seed uint64, change ...func(*Hostile)) *hostileWorld {
	t.Helper()
	h := HostileProfile(seed)
	for _, f := range change {
		f(h)
	}
	clk := NewManualClock(time.Now())
	s := start(t, Config{Hostile: h, Clock: clk})
	c := s.AWSConfig()
	c.Retryer = stubborn
	return &hostileWorld{s, t, clk, sqs.NewFromConfig(c), dynamodb.NewFromConfig(c), s3.NewFromConfig(c)}
}

// hostileOf is a profile of one's own.
func hostileOf(f func(*Hostile)) *Hostile {
	h := &Hostile{}
	f(h)
	return h
}

// stubborn tries again at once, and never gives up on what may pass.
func stubborn() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 100
		o.RateLimiter = unlimited{}
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"TransactionConflictException": {}, "TransactionCanceledException": {}, "InternalServerError": {},
		}})
	})
}

type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// seen checks that kinds of hostility have happened, each.
func (w *hostileWorld) seen(kinds ...string) {
	w.t.Helper()
	happened := w.Hostility()
	for _, k := range kinds {
		if happened[k] == 0 {
			w.t.Errorf("%s has not happened once: the test shows nothing of it (%v)", k, happened)
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *hostileWorld) queue(name string, attributes map[string]string) *string {
	w.t.Helper()
	return must[*sqs.CreateQueueOutput](w.t)(w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
}

var wireKinds = []string{"throttled", "failed", "failedAfter", "lostRequest", "lostAnswer"}

func of(service string, kinds ...string) (names []string) {
	for _, k := range append(slices.Clone(wireKinds), kinds...) {
		names = append(names, service+"."+k)
	}
	return names
}

// TestBurstsEnd: throttling comes in bursts that outlast an SDK's three tries,
// and a caller who tries again gets through.
func TestBurstsEnd(t *testing.T) {
	w := startHostile(t, 7, func(h *Hostile) { *h = Hostile{Seed: 7}; h.SQS.Throttled, h.SQS.Burst = 0.05, 6 })
	c := w.AWSConfig()
	c.RetryMaxAttempts = 1
	q := sqs.NewFromConfig(c)
	codes := map[string]bool{}
	longest, run := 0, 0
	for range 2000 {
		_, err := q.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		if err == nil {
			run = 0
			continue
		}
		var e smithy.APIError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		codes[e.ErrorCode()] = true
		run++
		longest = max(longest, run)
	}
	if longest <= 3 || longest > 6 {
		t.Errorf("the longest burst was of %d requests, want 4 to 6", longest)
	}
	if !codes["RequestThrottled"] || !codes["ThrottlingException"] || len(codes) != 2 {
		t.Errorf("codes %v", codes)
	}
}

// TestSeedRepeats: the same requests meet the same fate again, and another
// seed's is another.
func TestSeedRepeats(t *testing.T) {
	fate := func(seed uint64) string {
		w := startHostile(t, seed)
		c := w.AWSConfig()
		c.RetryMaxAttempts = 1
		q := sqs.NewFromConfig(c)
		var b strings.Builder
		for range 200 {
			_, err := q.ListQueues(t.Context(), &sqs.ListQueuesInput{})
			var e smithy.APIError
			switch {
			case err == nil:
				b.WriteByte('.')
			case errors.As(err, &e):
				b.WriteString(e.ErrorCode()[:1])
			default:
				b.WriteByte('x')
			}
		}
		return b.String()
	}
	first, again, other := fate(11), fate(11), fate(12)
	if first != again {
		t.Errorf("seed 11 gave\n%s and then\n%s", first, again)
	}
	if first == other {
		t.Errorf("seeds 11 and 12 gave the same: %s", first)
	}
}
