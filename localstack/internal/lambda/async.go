package lambda

import (
	"errors"
	"net/http"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// What Lambda does with an asynchronous invocation: two more attempts after an
// error of the function, and six hours of trying while it is throttled.
// Source: "How Lambda handles errors and retries with asynchronous invocation",
// AWS Lambda Developer Guide.
const (
	asyncRetries     = 2
	asyncMaxAge      = 6 * time.Hour
	asyncThrottleGap = time.Minute
)

// InvokeAsync queues an invocation and returns. The queue is in memory: what
// hasn't run when the stack closes never will, which AWS would not do.
// Errors: as of Invoke, but never TooManyRequestsException.
func (s *Service) InvokeAsync(c Call) error {
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

func (s *Service) runAsync(c Call) {
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
		if failures > asyncRetries || s.Clock.Now().Sub(start) > asyncMaxAge || !s.sleep(gap) {
			return
		}
	}
}

// sleep waits on the injected clock; false: the service is closing.
func (s *Service) sleep(d time.Duration) bool {
	fired := make(chan struct{})
	stop := s.Clock.AfterFunc(d, func() { close(fired) })
	defer stop()
	select {
	case <-fired:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func isThrottle(err error) bool {
	var e *awswire.Error
	return errors.As(err, &e) && e.Code == "TooManyRequestsException"
}
