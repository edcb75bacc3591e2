package setup

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// heldAWS counts the requests, and answers none until it is opened.
type heldAWS struct {
	mu       sync.Mutex
	requests int
	open     chan struct{}
}

func (h *heldAWS) Do(*http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.requests++
	h.mu.Unlock()
	<-h.open
	return nil, errors.New("no answer")
}

// TestCalls: a process makes as many calls of DynamoDB, and of SQS, at a time as its limit
// is, beside the receive requests that wait for tickets. Those of one that does not answer
// hold up none of the other.
func TestCalls(t *testing.T) {
	calls := map[string]func(ctx context.Context, s *control.Service){
		"DynamoDB": func(ctx context.Context, s *control.Service) { _, _ = s.Store.Token(ctx, "hash") },
		"SQS": func(ctx context.Context, s *control.Service) {
			_, _ = s.Queue.Receive(ctx, errand.DefaultQueue, "", 1, 0, time.Minute)
		},
	}
	for name, other := range map[string]string{"DynamoDB": "SQS", "SQS": "DynamoDB"} {
		call := calls[name]
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := &heldAWS{open: make(chan struct{})}
				cfg := aws.Config{
					Region: "us-east-1", HTTPClient: held, RetryMaxAttempts: 1,
					Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
				}
				s := NewService(Process{AWS: cfg, Calls: NewCalls(3), Log: slog.New(slog.DiscardHandler)}, Settings{
					Queues: map[string]string{errand.DefaultQueue: "https://sqs.us-east-1.amazonaws.com/1/default.fifo"},
				})
				var made sync.WaitGroup
				for range 7 {
					made.Go(func() { call(t.Context(), s) })
				}
				synctest.Wait()
				if held.requests != 3 {
					t.Errorf("%d calls at a time, want 3", held.requests)
				}
				made.Go(func() {
					_, _ = s.Queue.Receive(t.Context(), errand.DefaultQueue, "", 1, time.Second, time.Minute)
				})
				synctest.Wait()
				if held.requests != 4 {
					t.Errorf("%d calls with one that waits for tickets, want 4", held.requests)
				}
				made.Go(func() { calls[other](t.Context(), s) })
				synctest.Wait()
				if held.requests != 5 {
					t.Errorf("%d calls with one of %s, want 5", held.requests, other)
				}
				close(held.open)
				made.Wait()
				if held.requests != 9 {
					t.Errorf("%d calls in the end, want 9", held.requests)
				}
			})
		})
	}
}
