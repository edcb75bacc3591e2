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
)

const (
	// bellHold is what a bell may take to answer: HTTP APIs end at 30 s.
	bellHold = 35 * time.Second
	// bellPause is how long one that doesn't work is left alone. Meanwhile the
	// agent asks for work as one without a bell does.
	bellPause = time.Minute
	// maxBellAnswer bounds what is read of an answer: one message of SQS's.
	maxBellAnswer = 64 << 10
)

// echoes are the pauses before asking again, where a ring was followed by no
// work: SQS looks at some of its servers only, and may miss a ticket at first
// sight. A held poll would miss none, and cost a second of a function for each
// ring that another agent was quicker to answer.
var echoes = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond}

// echo is how often to ask again after a ring.
type echo struct{ left []time.Duration }

func (e *echo) heard(rang bool) {
	if rang {
		e.left = echoes
	}
}

// next is the pause before the next question; false: there is none.
func (e *echo) next() (pause time.Duration, ok bool) {
	if len(e.left) == 0 {
		return 0, false
	}
	pause, e.left = e.left[0], e.left[1:]
	return pause, true
}

// bell is where the agent waits while it has nothing to do.
type bell struct {
	silent time.Time // by the wall: until then it isn't tried
}

// rest waits after a poll that got nothing. rang: there may be work now. Its
// error is the cause of ctx's end.
func (a *Agent) rest(ctx context.Context, held time.Duration) (rang bool, err error) {
	b := a.session.now().Bell
	if b == nil || wall(a.Clock).Before(a.bell.silent) {
		return false, sleep(ctx, a.Clock, a.between(held))
	}
	rang, err = a.awaitRing(ctx, b)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err == nil {
		return rang, nil
	}
	a.Log.Info("the bell does not work, asking for work at intervals", "err", err, "again in", bellPause)
	a.bell.silent = wall(a.Clock).Add(bellPause)
	return false, sleep(ctx, a.Clock, a.between(held))
}

// awaitRing waits at the bells of all queues until one rings, or it is time to
// ask anyway. No wait is cut short for that: its ring would be lost.
// Errors: a bell that can't be reached or is none.
func (a *Agent) awaitRing(ctx context.Context, b *errand.Bell) (rang bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	until := wall(a.Clock).Add(time.Duration(b.PollIntervalMs) * time.Millisecond)
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
			rang, err := a.listen(ctx, url, until)
			first <- end{rang, err}
		})
	}
	e := <-first
	return e.rang, e.err
}

// listen waits at one bell until it rings, or until then.
func (a *Agent) listen(ctx context.Context, url string, until time.Time) (rang bool, err error) {
	for begun := wall(a.Clock); begun.Before(until); begun = wall(a.Clock) {
		if rang, err = a.askBell(ctx, url); rang || err != nil {
			return rang, err
		}
		if wall(a.Clock).Sub(begun) < time.Second { // or this were a busy loop
			return false, fmt.Errorf("%s answers at once that it did not ring", url)
		}
	}
	return false, nil
}

// askBell makes one request, without the token: a bell needs none, and is not
// the API. What it answers is SQS's, in whatever form.
func (a *Agent) askBell(ctx context.Context, url string) (rang bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, bellHold)
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
