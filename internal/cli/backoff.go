package cli

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffFirst = 200 * time.Millisecond
	backoffMost  = 10 * time.Second
)

// backoff waits between tries: twice as long each time, with jitter. The zero
// value is ready; set it to that again after a success.
type backoff struct {
	next time.Duration
}

// sleep waits, and no shorter than atLeast, which is what the server asked for.
// It fails with the context's cause.
func (b *backoff) sleep(ctx context.Context, atLeast time.Duration) error {
	b.next = min(max(b.next, backoffFirst), backoffMost)
	d := max(b.next/2+rand.N(b.next/2), atLeast)
	b.next *= 2
	return sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
