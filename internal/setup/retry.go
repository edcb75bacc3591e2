package setup

import (
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/errandhq/errand/internal/backoff"
)

// AWS throttles in bursts that outlast the SDK's three attempts. A request of
// the API has 30 seconds, of which a poll may wait 20: what is left is enough
// for five attempts, if none waits long for its turn.
const maxAttempts = 5

var retryDelay = backoff.Policy{Min: 200 * time.Millisecond, Max: time.Second}

// NewRetryer says when our calls of AWS are tried again: as the SDK does, and
// also where a connection ended in the middle of an answer.
func NewRetryer(change ...func(*retry.StandardOptions)) aws.Retryer {
	own := func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = maxAttempts, retryDelay.Max
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return retryDelay.Delay(attempt, 0), nil })
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(isCut))
	}
	return retry.NewStandard(append([]func(*retry.StandardOptions){own}, change...)...)
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
