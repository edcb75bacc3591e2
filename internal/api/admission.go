package api

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Admission bounds what the callers of a server on one machine hold. On AWS, API
// Gateway and Lambda do.
//
// A token may have a quarter of the requests. Half of the requests may be held, waiting
// for a job or for output; of those, a user's token may have a quarter, a worker's
// token four, and all workers half. A request that may not be held is answered at once.
// Requests outside of the API, which transfer objects, may have half of the requests.
type Admission struct {
	// Requests is how many requests may be in progress; at least 16.
	Requests int
	// Service checks the token of a request with a body before the body is read.
	Service *control.Service
}

// Shares of Admission.Requests.
func (a Admission) perToken() int { return a.Requests / 4 }
func (a Admission) held() int     { return a.Requests / 2 }

// heldPerWorker is twice what a worker holds, a poll and a heartbeat: a worker that lost
// the connection asks again before the server notices.
const heldPerWorker = 4

// maxKnown is how many tokens are remembered.
const maxKnown = 10_000

// Handler serves next within the limits. Beyond them it responds 503 unavailable if the
// server is full, and 429 rate_limited if the token is at fault, both with Retry-After.
func (a Admission) Handler(next http.Handler) http.Handler {
	d := &door{Admission: a, next: next, byToken: map[string]int{}, heldBy: map[string]int{}, known: map[string]time.Time{}, open: openRoutes()}
	return http.HandlerFunc(d.serve)
}

// door counts the requests in progress.
type door struct {
	Admission
	next http.Handler

	mu          sync.Mutex
	requests    int
	objects     int // of them outside of the API
	byToken     map[string]int
	heldBy      map[string]int // by token
	heldUsers   int
	heldWorkers int
	known       map[string]time.Time // tokens that were good, and until when to believe it
	openUntil   time.Time            // requests without a token are paid for until then
	open        map[string]bool      // "POST /path" of the routes that take no token
}

// How many requests without a token are taken: a few at once, and one each openEvery.
const (
	openEvery = 200 * time.Millisecond
	openBurst = 20
)

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	token, _ := bearer(r.Header.Values("Authorization"))
	ofAPI := strings.HasPrefix(r.URL.Path, "/api/")
	if err := d.enter(token, ofAPI); err != nil {
		refuse(w, err)
		return
	}
	defer d.leave(token, ofAPI)
	if !ofAPI {
		d.next.ServeHTTP(w, r)
		return
	}
	if d.open[r.Method+" "+r.URL.Path] {
		if err := d.enterOpen(r); err != nil {
			refuse(w, err)
			return
		}
	} else if r.ContentLength != 0 && !d.isKnown(token) {
		if _, err := authenticate(d.Service, w, r); err != nil {
			refuse(w, err)
			return
		}
		d.remember(token)
	}
	if query := r.URL.Query(); query.Has("wait") {
		if d.hold(token) {
			defer d.release(token)
		} else {
			r = withoutWait(r, query)
		}
	}
	d.next.ServeHTTP(w, r)
}

func openRoutes() map[string]bool {
	open := map[string]bool{}
	for _, e := range Endpoints() {
		for _, r := range e.Routes {
			if r.isOpen() {
				open[r.Method+" "+r.Path] = true
			}
		}
	}
	return open
}

// enterOpen admits a request without a token: each costs a read that a stranger asks for.
func (d *door) enterOpen(r *http.Request) error {
	if r.ContentLength < 0 || r.ContentLength > maxOpenBodyBytes {
		return tooLarge(maxOpenBodyBytes)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Service.Clock.Now()
	if start := now.Add(-openBurst * openEvery); d.openUntil.Before(start) {
		d.openUntil = start
	}
	if d.openUntil.Add(openEvery).After(now) {
		return errand.Errorf(errand.CodeRateLimited, "too many browsers sign in at once; try again in a second")
	}
	d.openUntil = d.openUntil.Add(openEvery)
	return nil
}

// isKnown reports whether the token was good within the last minute. That is enough to
// read a body: the function that gets it checks the token itself.
func (d *door) isKnown(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Service.Clock.Now().Before(d.known[token])
}

func (d *door) remember(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Service.Clock.Now()
	if len(d.known) >= maxKnown {
		maps.DeleteFunc(d.known, func(_ string, until time.Time) bool { return !now.Before(until) })
	}
	if len(d.known) < maxKnown {
		d.known[token] = now.Add(time.Minute)
	}
}

// refuse responds with a problem in place of a function.
func refuse(w http.ResponseWriter, err error) {
	id := rand.Text()
	setHeaders(w.Header(), id)
	writeProblem(w, id, err)
}

func (d *door) enter(token string, ofAPI bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.requests >= d.Requests, !ofAPI && d.objects >= d.Requests/2:
		return errand.Errorf(errand.CodeUnavailable, "the server is full: it has %d requests in progress; try again", d.requests)
	case token != "" && d.byToken[token] >= d.perToken():
		return errand.Errorf(errand.CodeRateLimited, "this token has %d requests in progress, which is the limit; try again", d.perToken())
	}
	d.requests++
	if token != "" {
		d.byToken[token]++
	}
	if !ofAPI {
		d.objects++
	}
	return nil
}

func (d *door) leave(token string, ofAPI bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests--
	decrement(d.byToken, token)
	if !ofAPI {
		d.objects--
	}
}

// decrement keeps no zeros: strangers choose the tokens.
func decrement(counts map[string]int, token string) {
	if counts[token]--; counts[token] <= 0 {
		delete(counts, token)
	}
}

// hold reports whether one more request of the token may be held. release ends it.
func (d *door) hold(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	limit, all := d.held()/4, &d.heldUsers
	if isWorkers(token) {
		limit, all = heldPerWorker, &d.heldWorkers
	}
	if d.heldBy[token] >= limit || *all >= d.held()/2 {
		return false
	}
	d.heldBy[token]++
	*all++
	return true
}

func (d *door) release(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	decrement(d.heldBy, token)
	if isWorkers(token) {
		d.heldWorkers--
	} else {
		d.heldUsers--
	}
}

func isWorkers(token string) bool {
	_, ok := errand.WorkerOfToken(token)
	return ok
}

func withoutWait(r *http.Request, query url.Values) *http.Request {
	query.Set("wait", "0")
	target := *r.URL
	target.RawQuery = query.Encode()
	asked := *r
	asked.URL, asked.RequestURI = &target, target.RequestURI()
	return &asked
}
