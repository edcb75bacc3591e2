package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/test/apistack"
)

// crowd are requests in progress behind an Admission.
type crowd struct {
	t       *testing.T
	handler http.Handler
	entered chan string // the wait parameter of a request that reached the API
	end     chan struct{}
	all     sync.WaitGroup
}

func newCrowd(t *testing.T, a api.Admission) *crowd {
	c := &crowd{t: t, entered: make(chan string), end: make(chan struct{})}
	c.handler = a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.entered <- r.URL.Query().Get("wait")
		<-c.end
	}))
	t.Cleanup(c.leave)
	return c
}

func (c *crowd) leave() {
	close(c.end)
	c.all.Wait()
}

// send sends a request that stays in progress. It returns its wait parameter as the API
// saw it, or the response if it was refused.
func (c *crowd) send(method, target, token string, body io.Reader) (wait string, refused *httptest.ResponseRecorder) {
	r := httptest.NewRequestWithContext(c.t.Context(), method, target, body)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w, done := httptest.NewRecorder(), make(chan struct{})
	c.all.Go(func() {
		defer close(done)
		c.handler.ServeHTTP(w, r)
	})
	select {
	case wait = <-c.entered:
		return wait, nil
	case <-done:
		return "", w
	}
}

// hold sends n requests that ask to be held, and counts those that are.
func (c *crowd) hold(n int, path, token string) (held int) {
	c.t.Helper()
	for range n {
		switch wait, refused := c.send("GET", path+"?wait=20&x=1", token, nil); {
		case refused != nil:
			c.t.Fatalf("refused: %d %s", refused.Code, refused.Body)
		case wait == "20":
			held++
		case wait != "0":
			c.t.Fatalf("wait=%q", wait)
		}
	}
	return held
}

func workerToken(id string) string { return "erw_" + id + "." + strings.Repeat("s", 40) }

// TestHeldRequests: no token holds more than its share, workers hold no more than
// half, and what may not be held is answered at once.
func TestHeldRequests(t *testing.T) {
	t.Parallel()
	const requests = 64
	c := newCrowd(t, api.Admission{Requests: requests})
	user, other := errand.NewToken(errand.RoleUser, ""), errand.NewToken(errand.RoleUser, "")
	if got := c.hold(12, "/api/jobs/logs", user); got != requests/8 {
		t.Errorf("one user holds %d of 12 requests, want %d", got, requests/8)
	}
	if got := c.hold(1, "/api/jobs/logs", other); got != 1 {
		t.Error("another user's request isn't held")
	}
	if got := c.hold(5, "/api/jobs/get-job", workerToken("worker-1")); got != 4 {
		t.Errorf("one worker holds %d of 5 polls, want 4", got)
	}
	all := 4
	for i := range requests / 4 {
		all += c.hold(1, "/api/jobs/get-job", workerToken("worker-"+string(rune('a'+i))))
	}
	if all != requests/4 {
		t.Errorf("all workers hold %d polls, want %d", all, requests/4)
	}
}

// TestFullServer: a token has a share of the requests, and a full server says so.
func TestFullServer(t *testing.T) {
	t.Parallel()
	const requests = 16
	c := newCrowd(t, api.Admission{Requests: requests})
	enter := func(n int, token string) {
		t.Helper()
		for range n {
			if _, refused := c.send("GET", "/api/jobs", token, nil); refused != nil {
				t.Fatalf("refused: %d %s", refused.Code, refused.Body)
			}
		}
	}
	want := func(target, token string, status int, code errand.Code, detail string) {
		t.Helper()
		_, refused := c.send("GET", target, token, nil)
		if refused == nil {
			t.Fatalf("%s isn't refused", target)
		}
		var p api.Problem
		if err := json.Unmarshal(refused.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		h := refused.Header()
		if refused.Code != status || p.Code != code || p.Status != status || !strings.Contains(p.Detail, detail) ||
			h.Get("Content-Type") != "application/problem+json" || h.Get("Retry-After") != "2" || h.Get("X-Request-Id") != p.RequestID {
			t.Errorf("%s: %d %v %s, want %d %s", target, refused.Code, h, refused.Body, status, code)
		}
	}
	enter(4, "eru_first")
	want("/api/jobs", "eru_first", 429, errand.CodeRateLimited, "this token has 4 requests in progress")
	for range 8 {
		if _, refused := c.send("GET", "/bucket/key", "", nil); refused != nil {
			t.Fatalf("refused: %d %s", refused.Code, refused.Body)
		}
	}
	want("/bucket/key", "", 503, errand.CodeUnavailable, "the server is full")
	enter(4, "eru_second")
	want("/api/jobs", "eru_third", 503, errand.CodeUnavailable, "the server is full: it has 16 requests")
}

// unread fails the test if it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestTokenBeforeBody: nobody reads a body for a stranger.
func TestTokenBeforeBody(t *testing.T) {
	t.Parallel()
	s := apistack.New(t)
	c := newCrowd(t, api.Admission{Requests: 16, Service: s.Service})
	for _, token := range []string{"", "eru_" + strings.Repeat("x", 43), workerToken("worker-1")} {
		_, refused := c.send("POST", "/api/jobs/create", token, unread{t})
		if refused == nil || refused.Code != http.StatusUnauthorized || refused.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("token %q: %+v", token, refused)
		}
	}
	if _, refused := c.send("POST", "/api/jobs/create", s.User, strings.NewReader("{}")); refused != nil {
		t.Errorf("refused: %d %s", refused.Code, refused.Body)
	}
}

// TestKnownToken: a token that was good is believed for a minute. The function that
// gets the request checks it anyway.
func TestKnownToken(t *testing.T) {
	t.Parallel()
	s := apistack.New(t)
	store := &tokenReads{Store: s.Service.Store}
	s.Service.Store = store
	c := newCrowd(t, api.Admission{Requests: 16, Service: s.Service})
	send := func() {
		t.Helper()
		if _, refused := c.send("POST", "/api/jobs/create", s.User, strings.NewReader("{}")); refused != nil {
			t.Errorf("refused: %d %s", refused.Code, refused.Body)
		}
	}
	for _, want := range []int{1, 1, 2} {
		if want == 2 {
			s.Advance(time.Minute)
		}
		send()
		if store.n != want {
			t.Errorf("%d reads of the token, want %d", store.n, want)
		}
	}
}

// tokenReads counts the reads of tokens.
type tokenReads struct {
	control.Store
	n int
}

func (r *tokenReads) Token(ctx context.Context, hash string) (*errand.Token, error) {
	r.n++
	return r.Store.Token(ctx, hash)
}

// TestAdmissionOfStrangers: requests without a token are small and few.
func TestAdmissionOfStrangers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		h := api.Admission{Requests: 100, Service: control.NewService(control.Config{})}.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			taken++
			w.WriteHeader(http.StatusCreated)
		}))
		send := func(size int) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/session", strings.NewReader(strings.Repeat("x", size)))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
		if got := send(1<<10 + 1); got != http.StatusRequestEntityTooLarge {
			t.Errorf("a large body: %d", got)
		}
		for range 100 {
			send(60)
		}
		if taken != 20 || send(60) != http.StatusTooManyRequests {
			t.Errorf("%d of 100 at once were taken, want 20", taken)
		}
		time.Sleep(2 * time.Second)
		for range 100 {
			send(60)
		}
		if taken != 30 {
			t.Errorf("2 s later %d more were taken, want 10", taken-20)
		}
	})
}
