package control_test

import (
	"context"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
)

// tokenTable is a store of tokens that counts the reads.
type tokenTable struct {
	control.Store
	tokens map[string]errand.Token // by hash
	reads  int
	during func() // called once, in a read after its answer is known
}

func (s *tokenTable) Token(_ context.Context, hash string) (*errand.Token, error) {
	s.reads++
	t, ok := s.tokens[hash]
	if f := s.during; f != nil {
		s.during = nil
		f()
	}
	if !ok {
		return nil, control.ErrNotFound
	}
	return &t, nil
}

func (s *tokenTable) Tokens(context.Context) (all []errand.Token, err error) {
	for t := range maps.Values(s.tokens) {
		all = append(all, t)
	}
	return all, nil
}

func (s *tokenTable) PutToken(_ context.Context, t *errand.Token) error {
	s.tokens[t.Hash] = *t
	return nil
}

func (s *tokenTable) DeleteToken(_ context.Context, hash string) error {
	delete(s.tokens, hash)
	return nil
}

// tokenProcess is a process with two Services, as functions of errand local, and another
// process. All have one table.
type tokenProcess struct {
	t                   *testing.T
	clock               *clock.Manual
	table               *tokenTable
	first, second, away *control.Service
}

func newTokenProcess(t *testing.T) *tokenProcess {
	p := &tokenProcess{t: t, clock: clock.NewManual(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), table: &tokenTable{tokens: map[string]errand.Token{}}}
	service := func(c *control.Changes) *control.Service {
		return control.NewService(control.Config{Store: p.table, Changes: c, Clock: p.clock})
	}
	shared := &control.Changes{}
	p.first, p.second, p.away = service(shared), service(shared), service(nil)
	return p
}

func (p *tokenProcess) grant(s *control.Service, token string, queues ...string) {
	p.t.Helper()
	if err := s.GrantToken(p.t.Context(), token, errand.RoleUser, "ann", queues); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tokenProcess) revoke(s *control.Service) {
	p.t.Helper()
	if err := s.RevokeTokens(p.t.Context(), "ann", nil); err != nil {
		p.t.Fatal(err)
	}
}

// want checks what a request with the token gets, and by how many reads.
func (p *tokenProcess) want(what string, s *control.Service, token string, code errand.Code, reads int) (c control.Principal) {
	p.t.Helper()
	before := p.table.reads
	c, err := s.Authenticate(p.t.Context(), token)
	if errand.CodeOf(err) != code {
		p.t.Errorf("%s: %v, want %q", what, err, code)
	}
	if n := p.table.reads - before; n != reads {
		p.t.Errorf("%s: %d reads, want %d", what, n, reads)
	}
	return c
}

const refused = errand.CodeUnauthenticated

// TestTokensAreRead: the Services of a process read a token once in 5 seconds.
func TestTokensAreRead(t *testing.T) {
	p := newTokenProcess(t)
	p.grant(p.away, "token")
	p.want("the first", p.first, "token", "", 1)
	p.clock.Advance(5*time.Second - time.Millisecond)
	p.want("the same", p.first, "token", "", 0)
	p.want("another Service", p.second, "token", "", 0)
	p.want("another process", p.away, "token", "", 1)
	p.clock.Advance(time.Millisecond)
	p.want("after 5 s", p.second, "token", "", 1)
}

// TestUnknownTokenIsRead: a token works as soon as another process has made it.
func TestUnknownTokenIsRead(t *testing.T) {
	p := newTokenProcess(t)
	p.want("unknown", p.first, "token", refused, 1)
	p.want("still unknown", p.first, "token", refused, 1)
	p.grant(p.away, "token")
	p.want("made", p.first, "token", "", 1)
}

// TestRevokedToken: the process that revokes a token refuses it at once, another one
// within 5 seconds. A token that is replaced has its new queues as soon.
func TestRevokedToken(t *testing.T) {
	p := newTokenProcess(t)
	p.grant(p.first, "token")
	p.want("in this process", p.second, "token", "", 1)
	p.want("in another one", p.away, "token", "", 1)
	p.revoke(p.first)
	p.want("revoked here", p.second, "token", refused, 1)
	p.clock.Advance(5*time.Second - time.Millisecond)
	p.want("revoked elsewhere", p.away, "token", "", 0)
	p.clock.Advance(time.Millisecond)
	p.want("revoked elsewhere 5 s ago", p.away, "token", refused, 1)

	p.grant(p.first, "token")
	p.want("granted again", p.second, "token", "", 1)
	p.grant(p.first, "token", "gpu")
	if c := p.want("replaced", p.second, "token", "", 1); len(c.Queues) != 1 || c.Queues[0] != "gpu" {
		t.Errorf("queues %v", c.Queues)
	}
}

// TestTokenRevokedDuringARead: a read that began before the revocation is not kept.
func TestTokenRevokedDuringARead(t *testing.T) {
	p := newTokenProcess(t)
	p.grant(p.first, "token")
	p.table.during = func() { p.revoke(p.second) }
	p.want("during the revocation", p.first, "token", "", 1)
	p.want("after it", p.first, "token", refused, 1)
}

// TestSessionOfAReadToken: a session ends at its time, though it was read before, and when
// its process revokes the token that it stands for.
func TestSessionOfAReadToken(t *testing.T) {
	p := newTokenProcess(t)
	p.grant(p.first, "token")
	session := func(lifetime time.Duration) string {
		s := errand.Session{Parent: errand.HashToken("token"), CreatedAt: p.clock.Now(), ExpiresAt: p.clock.Now().Add(lifetime)}
		token := errand.NewSessionToken()
		if err := p.first.Store.PutToken(t.Context(), &errand.Token{Hash: errand.HashToken(token), Owner: "ann", Role: errand.RoleUser, Session: &s}); err != nil {
			t.Fatal(err)
		}
		return token
	}
	short, long := session(2*time.Second), session(time.Hour)
	p.want("a session", p.first, short, "", 2)
	p.want("another one", p.first, long, "", 1)
	p.clock.Advance(2*time.Second - time.Millisecond)
	p.want("just before its end", p.first, short, "", 0)
	p.clock.Advance(time.Millisecond)
	p.want("at its end", p.first, short, refused, 0)
	p.want("the other one", p.first, long, "", 0)
	if err := p.second.Store.DeleteToken(t.Context(), errand.HashToken("token")); err != nil {
		t.Fatal(err)
	}
	p.want("without its token", p.first, long, refused, 1)
}

// TestManyTokens: a process keeps 1,000 tokens; of more, it reads the others each time,
// until those that it keeps are old.
func TestManyTokens(t *testing.T) {
	p := newTokenProcess(t)
	for i := range 1001 {
		token := "token " + strconv.Itoa(i)
		p.grant(p.first, token)
	}
	for i := range 1001 {
		p.want("the first time", p.first, "token "+strconv.Itoa(i), "", 1)
	}
	p.want("a token that is kept", p.first, "token 999", "", 0)
	p.want("one too many", p.first, "token 1000", "", 1)
	p.clock.Advance(5 * time.Second)
	p.want("later", p.first, "token 1000", "", 1)
	p.want("then it is kept", p.first, "token 1000", "", 0)
}

// setBack is a clock whose time of day can be set.
type setBack struct {
	clock.Clock
	now time.Time
}

func (c *setBack) Now() time.Time { return c.now }

// TestClockSetBack: a token isn't trusted longer because the clock was set back.
func TestClockSetBack(t *testing.T) {
	table := &tokenTable{tokens: map[string]errand.Token{}}
	clk := &setBack{clock.Real(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	s := control.NewService(control.Config{Store: table, Clock: clk})
	p := &tokenProcess{t: t, table: table}
	p.grant(s, "token")
	p.want("the first", s, "token", "", 1)
	clk.now = clk.now.Add(-time.Hour)
	p.want("an hour earlier", s, "token", "", 1)
}
