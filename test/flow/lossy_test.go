package flow

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// lossy loses the n-th request to AWS, or its answer after it took effect.
type lossy struct {
	next    http.RoundTripper
	mu      sync.Mutex
	count   int
	lose    int // counted from 1; 0: none
	applied bool
}

var errLost = errors.New("connection reset by test")

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.count++
	lose := l.count == l.lose
	l.mu.Unlock()
	if lose && !l.applied {
		return nil, errLost
	}
	resp, err := l.next.RoundTrip(r)
	if err != nil || !lose {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return nil, errLost
}

// TestEveryCallLostOnce runs a job's whole life once for each call to AWS that
// it makes, losing that call before or after it took effect. The SDK tries
// again, and nobody notices: one job, one attempt, one result, no ticket left.
func TestEveryCallLostOnce(t *testing.T) {
	normalOnly(t, "it counts calls to AWS, and loses each in turn")
	calls := life(t, 0, false)
	if calls < 15 {
		t.Fatalf("a job's life is only %d calls", calls)
	}
	t.Logf("a job's life is %d calls to AWS", calls)
	for n := 1; n <= calls; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d/applied=%v", n, applied), func(t *testing.T) {
				t.Parallel()
				life(t, n, applied)
			})
		}
	}
}

// life creates, takes, accepts and ends a job, with the n-th call lost, and
// returns how many calls that was.
func life(t *testing.T, n int, applied bool) int {
	t.Helper()
	w := newWorld(t)
	cfg := awsOf(w.stack)
	l := &lossy{next: w.stack.RoundTripper(), lose: n, applied: applied}
	cfg.HTTPClient = &http.Client{Transport: l}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				return aws.BoolTernary(errors.Is(err, errLost))
			}))
		})
	}
	w.svc = w.service(cfg)

	k := w.worker("a")
	job, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}}, control.CreateOptions{Key: "key"})
	wantCode(t, err, "")
	a, err := k.poll("p")
	wantCode(t, err, "")
	if a == nil { // SQS gave the ticket to the lost call, and hides it from another attempt ID
		w.clock.Advance(time.Minute)
		a, err = k.poll("p")
		wantCode(t, err, "")
	}
	if a == nil || a.JobID != job.Spec.ID {
		t.Fatalf("got %+v, want job %s", a, job.Spec.ID)
	}
	if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
		t.Fatalf("order %q", o.Order)
	}
	status, err := k.submit(a, 3)
	wantCode(t, err, "")
	if status != errand.Completed {
		t.Fatalf("status %s", status)
	}
	w.want(job.Spec.ID, errand.Completed, "", 1)
	page, err := w.list(control.JobFilter{})
	wantCode(t, err, "")
	if len(page.Jobs) != 1 {
		t.Errorf("%d jobs", len(page.Jobs))
	}
	w.clock.Advance(time.Hour)
	k.take(false)
	if got := w.tickets(); got != 0 {
		t.Errorf("%d tickets left", got)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}
