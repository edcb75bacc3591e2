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

// TestCalls: a process makes as many calls of DynamoDB and SQS at a time as its limit is,
// beside the receive requests that wait for tickets.
func TestCalls(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, s *control.Service){
		"DynamoDB": func(ctx context.Context, s *control.Service) { _, _ = s.Store.Token(ctx, "hash") },
		"SQS": func(ctx context.Context, s *control.Service) {
			_, _ = s.Queue.Receive(ctx, errand.DefaultQueue, "", 1, 0, time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := &heldAWS{open: make(chan struct{})}
				cfg := aws.Config{
					Region: "us-east-1", HTTPClient: held, RetryMaxAttempts: 1,
					Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
				}
				s := NewService(Process{AWS: cfg, Calls: control.NewLimit(3), Log: slog.New(slog.DiscardHandler)}, Settings{
					Queues: map[string]string{errand.DefaultQueue: "https://sqs.us-east-1.amazonaws.com/1/default.fifo"},
				})
				var calls sync.WaitGroup
				for range 7 {
					calls.Go(func() { call(t.Context(), s) })
				}
				synctest.Wait()
				if held.requests != 3 {
					t.Errorf("%d calls at a time, want 3", held.requests)
				}
				calls.Go(func() {
					_, _ = s.Queue.Receive(t.Context(), errand.DefaultQueue, "", 1, time.Second, time.Minute)
				})
				synctest.Wait()
				if held.requests != 4 {
					t.Errorf("%d calls with one that waits for tickets, want 4", held.requests)
				}
				close(held.open)
				calls.Wait()
				if held.requests != 8 {
					t.Errorf("%d calls in the end, want 8", held.requests)
				}
			})
		})
	}
}
