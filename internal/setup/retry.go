package setup

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// AWS throttles in bursts that outlast the SDK's three attempts. A request of
// the API has 30 seconds, of which a poll may wait 20: what is left is enough
// for five attempts, if none waits long for its turn.
const (
	maxAttempts  = 5
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = time.Second
)

// NewRetryer says when our calls of AWS are tried again: as the SDK does, and
// also where a connection ended in the middle of an answer.
func NewRetryer(change ...func(*retry.StandardOptions)) aws.Retryer {
	own := func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff
		o.Backoff = retry.BackoffDelayerFunc(delay)
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(isCut))
	}
	return retry.NewStandard(append([]func(*retry.StandardOptions){own}, change...)...)
}

// delay is random up to a bound that doubles, so that callers who were refused
// together don't come back together.
func delay(attempt int, _ error) (time.Duration, error) {
	return rand.N(min(firstBackoff<<min(max(attempt-1, 0), 10), maxBackoff)), nil
}

func isCut(err error) aws.Ternary {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// patient is cfg with that, unless it says by itself how to try again, or
// AWS_MAX_ATTEMPTS or AWS_RETRY_MODE do.
func patient(cfg aws.Config) aws.Config {
	if cfg.Retryer == nil && cfg.RetryMaxAttempts == 0 && cfg.RetryMode == "" {
		cfg.Retryer = func() aws.Retryer { return NewRetryer() }
	}
	return cfg
}
