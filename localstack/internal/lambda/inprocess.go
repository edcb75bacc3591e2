package lambda

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// inProcess runs a function as a Go value of this process. Concurrent
// invocations share it, which on AWS they never would: a handler that keeps
// state must guard it.
type inProcess struct {
	service *Service
	fn      *function

	mu      sync.Mutex // held while New runs
	handler Handler
}

// errAbandoned is the cause that a handler sees when its caller has gone.
var errAbandoned = errors.New("the caller has gone")

func (p *inProcess) start(c *invocation, release func()) (<-chan Result, func()) {
	ctx, cancel := context.WithCancelCause(p.service.ctx)
	ctx, stop := context.WithTimeout(ctx, p.fn.Timeout)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: c.id, InvokedFunctionArn: p.fn.ARN})

	// AWS kills a function at its deadline. Here only its context ends: the result
	// is sent at once, but the concurrency slot and Close wait for the handler.
	var once sync.Once
	answer := func(r Result) { once.Do(func() { c.done <- r }) }
	context.AfterFunc(ctx, func() {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			answer(timedOut(c, p.fn.Timeout))
		case errors.Is(context.Cause(ctx), errClosed):
			answer(platformFailure(c, "Sandbox.Killed", "%s", errClosed))
		}
	})
	p.service.calls.Go(func() {
		defer p.service.work.Done()
		defer cancel(nil)
		defer stop()
		var r Result
		returned := false
		// Deferred, since a handler may end its goroutine.
		defer func() {
			release()
			if !returned {
				r = platformFailure(c, "Runtime.ExitError", "the handler ended its goroutine")
			}
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				answer(r)
			}
		}()
		r = p.invoke(ctx, c)
		returned = true
	})
	return c.done, func() { cancel(errAbandoned) }
}

func (p *inProcess) close() {}

// invoke calls the handler and converts a panic to a result.
func (p *inProcess) invoke(ctx context.Context, c *invocation) (r Result) {
	defer func() {
		if v := recover(); v != nil {
			r = panicFailure(v)
			p.service.Logf("lambda: %s: panic: %v", p.fn.Name, v)
		}
	}()
	h, err := p.load()
	if err != nil {
		return handlerFailure(err)
	}
	payload, err := p.call(ctx, h, c)
	switch {
	case err != nil:
		return handlerFailure(err)
	case len(payload) > MaxResponseBytes:
		return tooLarge(len(payload))
	}
	return Result{Payload: payload}
}

// load creates the handler at the first invocation.
func (p *inProcess) load() (Handler, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handler != nil && !p.service.Faults.ColdStart() {
		return p.handler, nil
	}
	start := time.Now()
	h, err := p.fn.Code.New(p.service.environment(p.fn))
	if err == nil && h == nil {
		err = errors.New("New returned no handler")
	}
	if err != nil {
		p.service.Logf("lambda: %s: init failed after %s: %s", p.fn.Name, time.Since(start), err)
		return nil, err
	}
	p.handler = h
	return h, nil
}
