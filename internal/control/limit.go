package control

import "context"

// A Limit bounds the calls of AWS that a process makes at a time. The others wait in line.
// A call takes about 100 KiB of memory until it is answered, so that without a limit,
// thousands of workers that ask at once take gigabytes. nil is no limit.
type Limit struct{ places chan struct{} }

// NewLimit returns a limit of n calls.
func NewLimit(n int) *Limit { return &Limit{make(chan struct{}, n)} }

// Limited makes a call within the limit. Errors: the call's; ctx's, if it ends before the
// call is made.
func Limited[T any](ctx context.Context, l *Limit, call func() (T, error)) (out T, err error) {
	if l == nil {
		return call()
	}
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
	defer func() { <-l.places }()
	return call()
}
