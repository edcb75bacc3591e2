package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

const (
	// bellTimeout is longer than API Gateway's limit for an HTTP API: 30 s.
	bellTimeout = 35 * time.Second
	// bellRetryDelay is how long the agent polls at intervals after a bell failed.
	bellRetryDelay = time.Minute
	// bellPause is the time between two requests. A ring waits for the next one. Each request
	// is paid for.
	bellPause     = 3 * time.Second
	maxBellAnswer = 64 << 10 // one SQS message
)

// repollDelays are the delays before polling again when a ring was followed by
// no job: SQS samples its servers and may miss a message at first. A held poll
// would miss none, but costs a second of a function for each ring that another
// agent answered first.
var repollDelays = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond}

// bell is where the agent waits for work while it is idle.
type bell struct {
	unusableUntil time.Time // wall time
}

// awaitWork waits after a poll without a job. rang means that there may be one
// now. The error is the cause of ctx's end.
func (a *Agent) awaitWork(ctx context.Context, held time.Duration) (rang bool, err error) {
	b := a.registration.current().Bell
	if b == nil || wallTime(a.Clock).Before(a.bell.unusableUntil) {
		return false, clock.Sleep(ctx, a.Clock, a.pollDelay(held))
	}
	rang, err = a.awaitRing(ctx, b)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err == nil {
		return rang, nil
	}
	a.Log.Info("the bell does not work, polling at intervals", "err", err, "retry in", bellRetryDelay)
	a.bell.unusableUntil = wallTime(a.Clock).Add(bellRetryDelay)
	return false, clock.Sleep(ctx, a.Clock, a.pollDelay(held))
}

// awaitRing waits at the bells of all queues until one rings, or the poll
// interval is over. It interrupts no request for that: its ring would be lost.
// The error means that a bell does not work.
func (a *Agent) awaitRing(ctx context.Context, b *errand.Bell) (rang bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	until := wallTime(a.Clock).Add(a.pollInterval(b.PollIntervalMs))
	type end struct {
		rang bool
		err  error
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	first := make(chan end, len(b.URLs))
	for _, url := range b.URLs {
		waiting.Go(func() {
			rang, err := a.awaitBell(ctx, url, until)
			first <- end{rang, err}
		})
	}
	e := <-first
	return e.rang, e.err
}

// awaitBell waits until one bell rings or the time is until.
func (a *Agent) awaitBell(ctx context.Context, url string, until time.Time) (rang bool, err error) {
	for {
		begun := wallTime(a.Clock)
		if rang, err = a.requestBell(ctx, url); rang || err != nil {
			return rang, err
		}
		if wallTime(a.Clock).Sub(begun) < time.Second { // it would be a busy loop
			return false, fmt.Errorf("%s answered at once instead of waiting", url)
		}
		if !wallTime(a.Clock).Before(until) {
			return false, nil
		}
		if err := clock.Sleep(ctx, a.Clock, bellPause); err != nil {
			return false, err
		}
	}
}

// requestBell makes one request, without the token: the bell is not the API. The
// body is SQS's response, in JSON or XML.
func (a *Agent) requestBell(ctx context.Context, url string) (rang bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, bellTimeout)
	defer cancel()
	if strings.HasPrefix(url, "/") {
		url = strings.TrimSuffix(a.Client.BaseURL, "/") + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("User-Agent", a.Client.UserAgent)
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBellAnswer))
	if err != nil {
		return false, err
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return bytes.Contains(body, []byte(errand.RingText)), nil
}
