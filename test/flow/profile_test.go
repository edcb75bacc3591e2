package flow

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// ERRAND_PROFILE=hostile runs these tests over a stack that does what AWS
// permits itself, made of ERRAND_SEED (1 if not given) and the test's name. The
// SDK tries again here for as long as it takes, so what the tests see of it is
// order, lag, emptiness, and what was done twice; what a Service does whose
// calls fail for good, TestHostileDays shows.

func hostile() bool { return os.Getenv("ERRAND_PROFILE") == "hostile" }

// profile is the stack's; nil is the normal one.
func profile(t *testing.T) *localstack.Hostile {
	t.Helper()
	if !hostile() {
		return nil
	}
	h := localstack.HostileProfile(seedOf(t))
	h.SQS.Miscount = 0 // the tests count tickets
	return h
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(1)
	if s := os.Getenv("ERRAND_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatalf("ERRAND_SEED: %v", err)
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Name())) // never fails
	return seed<<32 + uint64(h.Sum32())
}

// isCount reports whether n calls of AWS are want calls. In the hostile profile they may be
// more: some are made again.
func isCount(n, want int64) bool { return n == want || hostile() && n > want }

// normalOnly skips a test, in the hostile profile, for a reason.
func normalOnly(t *testing.T, why string) {
	t.Helper()
	if hostile() {
		t.Skipf("in the normal profile only: %s", why)
	}
}

// awsOf is the configuration for clients of a stack.
func awsOf(s *localstack.Stack) aws.Config {
	cfg := s.AWSConfig()
	if hostile() {
		cfg.Retryer = func() aws.Retryer { return tireless(100) }
	}
	return cfg
}

// tireless tries up to n times, at once.
func tireless(n int) aws.Retryer {
	return setup.NewRetryer(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter = n, unlimited{}
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}

type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// looks is how often a poll that got nothing is repeated, for SQS to show a
// ticket that it looked past.
func looks() int {
	if hostile() {
		return 30
	}
	return 1
}

// waitForIndexes lets lagging indexes catch up.
func (w *world) waitForIndexes() {
	if hostile() {
		w.clock.Advance(3 * time.Second)
	}
}

// list is the owner's list of jobs, once it is up to date.
func (w *world) list(f control.JobFilter) (control.JobPage, error) {
	w.waitForIndexes()
	return w.svc.Jobs(w.ctx, w.user, f)
}

// objects is a client's way to the bucket, by signed requests: in the hostile
// profile it tries again, as the agent and the command line do.
func (w *world) objects() http.RoundTripper {
	if hostile() {
		return again{w.stack.RoundTripper()}
	}
	return w.stack.RoundTripper()
}

type again struct{ next http.RoundTripper }

func (a again) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	for range 100 {
		once := r.Clone(r.Context())
		once.Body, once.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if resp, err = a.whole(once); err == nil {
			return resp, nil
		}
	}
	return nil, err
}

// whole is an answer whose body has come, and isn't the store's excuse.
func (a again) whole(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err == nil && resp.StatusCode >= http.StatusInternalServerError {
		err = fmt.Errorf("the store answered %s: %s", resp.Status, b)
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, err
}
