// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

package lambda

import (
	"errors"
	"net/http"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
)

// Lambda retries an asynchronous invocation twice after an error of the function,
// and for six hours while it is throttled.
const (
	asyncRetries     = 2
	asyncMaxAge      = 6 * time.Hour
	asyncThrottleGap = time.Minute
)

// InvokeAsync queues an invocation and returns. Unlike Lambda's, the queue is in
// memory, and is lost when the stack closes.
// Errors: as of Invoke, but never TooManyRequestsException.
func (s *Service) InvokeAsync(c InvokeInput) error {
	if _, err := s.accept(c, MaxEventBytes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return awswire.Errorf(http.StatusInternalServerError, "ServiceException", "%s", errClosed)
	}
	s.work.Go(func() { s.runAsync(c) })
	if s.Faults.Duplicate() {
		s.work.Go(func() { s.runAsync(c) })
	}
	return nil
}

func (s *Service) runAsync(c InvokeInput) {
	start := s.Clock.Now()
	for failures := 0; ; {
		r, err := s.Invoke(s.ctx, c)
		gap := asyncThrottleGap
		switch {
		case err == nil && r.FunctionError == "":
			return
		case err == nil:
			failures++
			s.Logf("lambda: %s: asynchronous invocation failed: %s", c.Function, r.Payload)
			gap = time.Duration(failures) * time.Minute
		case !isThrottle(err):
			return // closing
		}
		if failures > asyncRetries || s.Clock.Now().Sub(start) > asyncMaxAge || clock.Sleep(s.ctx, s.Clock, gap) != nil {
			return
		}
	}
}

func isThrottle(err error) bool {
	var e *awswire.Error
	return errors.As(err, &e) && e.Code == "TooManyRequestsException"
}
