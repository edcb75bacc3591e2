package cli

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/terminal"
)

const (
	// requestTimeout bounds one try of a call, beside the time for which the server
	// may hold it. On a dead connection no answer comes.
	requestTimeout = 10 * time.Second
	// storageTimeout bounds the wait for the storage's answer to an archive.
	storageTimeout = 60 * time.Second
)

// A retryLimit says for how long a call is retried.
type retryLimit struct {
	duration time.Duration
	// unreachable: retry also if no connection can be made. Until the server has
	// answered once, that is a mistake of the user's to report at once.
	unreachable bool
	// finalConflict: a conflict is an answer, not a moment's: a worker that is online can't be
	// forgotten now.
	finalConflict bool
}

var (
	retryFirst     = retryLimit{duration: 30 * time.Second}
	retryAction    = retryLimit{duration: 30 * time.Second, finalConflict: true} // of an admin with a queue or a worker
	retryConnected = retryLimit{duration: 30 * time.Second, unreachable: true}
	retryFollowed  = retryLimit{duration: 10 * time.Minute, unreachable: true} // the result of a job that was followed
)

// callWithRetry makes a call of the API, and repeats it after temporary errors.
func callWithRetry[T any](ctx context.Context, limit retryLimit, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	for failures := 1; ; failures++ {
		out, err := callOnce(ctx, 0, call)
		retryAfter, temporary := api.Temporary(err)
		temporary = temporary && !(limit.finalConflict && api.CodeOf(err) == errand.CodeConflict)
		if err == nil || !temporary || isUnreachable(err) && !limit.unreachable || ctx.Err() != nil ||
			waitForRetry(ctx, failures, retryAfter) != nil {
			return out, terminal.InterruptOr(ctx, err)
		}
	}
}

// callOnce makes one try of a call that the server may hold for the given time.
func callOnce[T any](ctx context.Context, held time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+held)
	defer cancel()
	return call(ctx)
}

// withoutURL is an error of a request without its URL, which the user didn't choose.
func withoutURL(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

func isUnreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == opProxy)
}

// opProxy is the operation of a net.OpError about a proxy that can't be reached.
const opProxy = "proxyconnect"

var retryBackoff = backoff.Policy{Min: 200 * time.Millisecond, Max: 10 * time.Second}

// waitForRetry waits after the given number of failures in a row, and not
// shorter than the server's Retry-After. It fails with the context's cause.
func waitForRetry(ctx context.Context, failures int, retryAfter time.Duration) error {
	return clock.Sleep(ctx, clock.Real(), retryBackoff.Delay(failures, retryAfter))
}
