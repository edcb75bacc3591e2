package flow

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
)

// startSession signs in a browser with a new code of c's.
func startSession(t *testing.T, d *deployed, c *api.Client) (s api.Session, code string) {
	t.Helper()
	made, err := c.NewSessionCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err = d.as("").StartSession(t.Context(), made.Code)
	if err != nil {
		t.Fatal(err)
	}
	return s, made.Code
}

// TestSession: a session may do what the permanent token may, until it expires, is
// revoked or signs out, or the token that it stands for is revoked: on one machine at once,
// on AWS, where each function is a process, within 5 seconds.
func TestSession(t *testing.T) {
	normalOnly(t, "a code is consumed even if the answer is lost")
	t.Run("on one machine", func(t *testing.T) {
		testSession(t, deploy(t, deployOptions{manual: true, changes: &control.Changes{}}), 0)
	})
	t.Run("on AWS", func(t *testing.T) {
		testSession(t, deploy(t, deployOptions{manual: true}), 5*time.Second)
	})
}

// testSession checks that all ends of a session take effect after the delay.
func testSession(t *testing.T, d *deployed, delay time.Duration) {
	ctx, user := t.Context(), d.client(t, errand.RoleUser)
	ends := map[string]func(api.Session){
		"expired":              func(api.Session) { d.clock.Advance(errand.SessionLifetime) },
		"revoked":              func(s api.Session) { must(t, user.RevokeSession(ctx, s.ID)) },
		"signed out":           func(s api.Session) { must(t, d.as(s.Token).EndSession(ctx)) },
		"its token is revoked": func(api.Session) { must(t, d.svc.RevokeTokens(ctx, "ann", nil)) },
	}
	for _, name := range []string{"expired", "revoked", "signed out", "its token is revoked"} {
		s, _ := startSession(t, d, user)
		browser := d.as(s.Token)
		if _, err := browser.Jobs(ctx, "", "", 0, ""); err != nil {
			t.Fatal(err)
		}
		who, err := browser.Session(ctx)
		if err != nil || who.Owner != "ann" || who.Role != errand.RoleUser || who.ID != s.ID || !who.ExpiresAt.Equal(d.clock.Now().UTC().Add(errand.SessionLifetime)) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		ends[name](s)
		if name != "expired" {
			d.clock.Advance(delay)
		}
		_, err = browser.Jobs(ctx, "", "", 0, "")
		if api.CodeOf(err) != errand.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSessionCodeAttacks: a code works once, within 60 seconds, and is no token. Neither
// a code nor a session gives more than it is for.
func TestSessionCodeAttacks(t *testing.T) {
	normalOnly(t, "a code is consumed even if the answer is lost")
	d := deploy(t, deployOptions{manual: true})
	ctx, user := t.Context(), d.client(t, errand.RoleUser)
	start := func(code string) error {
		_, err := d.as("").StartSession(ctx, code)
		return err
	}
	want := func(what string, err error, code errand.Code) {
		t.Helper()
		if api.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	s, code := startSession(t, d, user)
	want("a code used twice", start(code), errand.CodeUnauthenticated)

	late, err := user.NewSessionCode(ctx)
	must(t, err)
	d.clock.Advance(errand.SessionCodeLifetime - time.Millisecond)
	want("a code just in time", start(late.Code), "")
	late, err = user.NewSessionCode(ctx)
	must(t, err)
	d.clock.Advance(errand.SessionCodeLifetime)
	want("a code after 60 s", start(late.Code), errand.CodeUnauthenticated)

	live, err := user.NewSessionCode(ctx)
	must(t, err)
	for _, guess := range []string{"", "erc_", errand.NewSessionCode(), live.Code[:len(live.Code)-1], live.Code + "A", strings.ToUpper(live.Code), errand.HashToken(live.Code), "code#" + errand.HashToken(live.Code), s.Token} {
		want("a guess: "+guess, start(guess), errand.CodeUnauthenticated)
	}
	_, err = d.as(live.Code).Jobs(ctx, "", "", 0, "")
	want("a code as a token", err, errand.CodeUnauthenticated)
	for _, key := range []string{errand.HashToken(live.Code), "code#" + errand.HashToken(live.Code), errand.HashToken(s.Token)} {
		_, err = d.as(key).Jobs(ctx, "", "", 0, "")
		want("what is stored as a token", err, errand.CodeUnauthenticated)
	}
	want("the code after the guesses", start(live.Code), "")

	for _, role := range []errand.Role{errand.RoleAgent} {
		_, err = d.client(t, role).NewSessionCode(ctx)
		want("a code for role "+string(role), err, errand.CodeForbidden)
	}
	_, err = d.as("").NewSessionCode(ctx)
	want("a code without a token", err, errand.CodeUnauthenticated)
	_, err = d.as(s.Token).NewSessionCode(ctx)
	want("a code from a session", err, errand.CodeForbidden)
	_, err = d.as(s.Token).Register(ctx, errand.Registration{})
	want("a session as an agent", err, errand.CodeForbidden)
	want("sign out with a permanent token", user.EndSession(ctx), errand.CodeForbidden)

	must(t, d.svc.GrantToken(ctx, "bob's", errand.RoleUser, "bob", nil))
	bob := d.as("bob's")
	want("another owner's session", bob.RevokeSession(ctx, s.ID), errand.CodeTokenNotFound)
	want("a permanent token", user.RevokeSession(ctx, errand.HashToken("token-of-user")), errand.CodeForbidden)
	want("an ID that is none", user.RevokeSession(ctx, "code#x"), errand.CodeInvalidField)
	all, err := bob.Tokens(ctx)
	if err != nil || len(all.Tokens) != 1 || all.Tokens[0].Owner != "bob" {
		t.Errorf("bob sees %+v, %v", all, err)
	}
	want("the session, after all that", d.as(s.Token).EndSession(ctx), "")
	want("an end of a session that has ended", d.as(s.Token).EndSession(ctx), errand.CodeUnauthenticated)
}

// TestSessionCodeRace: of many that use a code at once, one is signed in.
func TestSessionCodeRace(t *testing.T) {
	normalOnly(t, "a code is consumed even if the answer is lost")
	d := deploy(t, deployOptions{})
	code, err := d.client(t, errand.RoleUser).NewSessionCode(t.Context())
	must(t, err)
	var in atomic.Int32
	var browsers sync.WaitGroup
	for range 10 {
		browsers.Go(func() {
			_, err := d.as("").StartSession(t.Context(), code.Code)
			switch api.CodeOf(err) {
			case "":
				in.Add(1)
			case errand.CodeUnauthenticated:
			default:
				t.Error(err)
			}
		})
	}
	browsers.Wait()
	if in.Load() != 1 {
		t.Errorf("%d browsers are signed in", in.Load())
	}
}

// TestSessionOfRevokedToken: a code gives nothing once its token is revoked, and a
// restricted token's session is as restricted.
func TestSessionOfRevokedToken(t *testing.T) {
	w := newWorld(t)
	must(t, w.svc.GrantToken(w.ctx, "t", errand.RoleUser, "ann", []string{"gpu"}))
	p, err := w.svc.Authenticate(w.ctx, "t")
	must(t, err)
	caller := control.Caller{Principal: p}
	second, err := w.svc.NewSessionCode(w.ctx, caller)
	must(t, err)
	start := func() (string, control.Principal, error) {
		code, err := w.svc.NewSessionCode(w.ctx, caller)
		must(t, err)
		return w.svc.StartSession(w.ctx, code, "Mozilla\x00é\n"+strings.Repeat("x", 300))
	}
	token, p, err := start()
	for hostile() && errand.CodeOf(err) == errand.CodeUnauthenticated { // the code was consumed, and the answer lost
		token, p, err = start()
	}
	must(t, err)
	if len(p.Queues) != 1 || p.Queues[0] != "gpu" || len(p.Session.Browser) != 200 || !strings.HasPrefix(p.Session.Browser, "Mozillaxx") {
		t.Errorf("principal %+v", p)
	}
	if p, err = w.svc.Authenticate(w.ctx, token); err != nil || !p.MayUse("gpu") || p.MayUse("default") {
		t.Errorf("principal %+v, %v", p, err)
	}
	must(t, w.svc.RevokeTokens(w.ctx, "ann", []string{"t"}))
	_, err = w.svc.Authenticate(w.ctx, token)
	must(t, err)
	must(t, w.svc.RevokeTokens(w.ctx, "ann", nil))
	_, _, err = w.svc.StartSession(w.ctx, second, "")
	wantCode(t, err, errand.CodeUnauthenticated)
	_, err = w.svc.Authenticate(w.ctx, token)
	wantCode(t, err, errand.CodeUnauthenticated)
}

// TestPageOfAnotherOrigin: the API answers the page of the origin that its operator
// named, whose browser asks first, and no other.
func TestPageOfAnotherOrigin(t *testing.T) {
	const page = "https://d111111abcdef8.cloudfront.net"
	for _, tt := range []struct {
		deployed, origin string
		status           int // of a GET
		allowed          string
	}{
		{page, page, http.StatusOK, page},
		{page, "https://evil.example", http.StatusForbidden, ""},
		{"", page, http.StatusForbidden, ""},
		{"/", "/", http.StatusForbidden, ""},
		{"", "https://no-page.invalid", http.StatusForbidden, "https://no-page.invalid"},
	} {
		d := deploy(t, deployOptions{parameters: map[string]string{"PageOrigin": tt.deployed}})
		d.client(t, errand.RoleUser)
		send := func(method string, header ...string) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), method, d.url+"/api/queues", nil)
			must(t, err)
			req.Header.Set("Origin", tt.origin)
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			resp, err := d.http.Do(req)
			must(t, err)
			t.Cleanup(func() { resp.Body.Close() })
			return resp
		}
		asked := send(http.MethodOptions, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization,content-type")
		got := send(http.MethodGet, "Authorization", "Bearer token-of-user")
		for what, resp := range map[string]*http.Response{"preflight": asked, "answer": got} {
			if allow := resp.Header.Get("Access-Control-Allow-Origin"); allow != tt.allowed {
				t.Errorf("%+v: the %s allows %q", tt, what, allow)
			}
		}
		if got.StatusCode != tt.status {
			b, _ := io.ReadAll(got.Body)
			t.Errorf("%+v: %s %s", tt, got.Status, b)
		}
	}
}

// TestSessionAnswerHasNoSecret: what is stored and listed is not what signs in.
func TestSessionAnswerHasNoSecret(t *testing.T) {
	normalOnly(t, "a code is consumed even if the answer is lost")
	d := deploy(t, deployOptions{})
	user := d.client(t, errand.RoleUser)
	s, code := startSession(t, d, user)
	all, err := user.Tokens(t.Context())
	must(t, err)
	b, err := json.Marshal(all)
	must(t, err)
	for _, secret := range []string{s.Token, code, "token-of-user"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the list has a secret: %s", b)
		}
	}
	if len(all.Tokens) != 2 || !all.Tokens[0].Session || all.Tokens[0].ID != s.ID || !all.Tokens[1].Current {
		t.Errorf("tokens %s", b)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
