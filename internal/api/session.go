package api

import (
	"net/http"
	"time"

	"github.com/errandhq/errand"
)

// SessionCode is the answer of POST /api/session/code.
type SessionCode struct {
	Code      string `json:"code"`
	ExpiresIn int    `json:"expiresIn"` // seconds
	// Page is where the page is served, scheme://host; "/": by this server; empty: nowhere.
	Page string `json:"page"`
}

// StartSession is the body of POST /api/session.
type StartSession struct {
	Code string `json:"code"`
}

// Session says what a token is: the answer of GET /api/session, and of POST, which adds
// the new session's token.
type Session struct {
	Token  string      `json:"token,omitempty"`
	ID     string      `json:"id"`
	Owner  string      `json:"owner"`
	Role   errand.Role `json:"role"`
	Queues []string    `json:"queues"` // that it may use; empty: all
	// ExpiresAt is of a session alone.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// Token is a token or a session as lists show it: never the token itself.
type Token struct {
	ID      string      `json:"id"` // its SHA-256
	Owner   string      `json:"owner"`
	Role    errand.Role `json:"role"`
	Queues  []string    `json:"queues"`
	Session bool        `json:"session"`
	Current bool        `json:"current"` // the request's
	// Of sessions.
	Browser   string     `json:"browser,omitempty"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// TokenList is the answer of GET /api/tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

func newSessionCode(c *request) (response, error) {
	code, err := c.NewSessionCode(c.ctx(), c.caller)
	if err != nil {
		return response{}, err
	}
	out := SessionCode{Code: code, ExpiresIn: int(errand.SessionCodeLifetime.Seconds()), Page: c.PageOrigin}
	return response{status: http.StatusCreated, body: out}, nil
}

func startSession(c *request) (response, error) {
	var in StartSession
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	token, p, err := c.StartSession(c.ctx(), in.Code, c.r.UserAgent())
	if err != nil {
		return response{}, err
	}
	c.caller.Principal = p
	out := c.session()
	out.Token = token
	return response{status: http.StatusCreated, body: out}, nil
}

func showSession(c *request) (response, error) {
	return response{status: http.StatusOK, body: c.session()}, nil
}

func (c *request) session() Session {
	s := Session{ID: c.caller.TokenID(), Owner: c.caller.Owner, Role: c.caller.Role, Queues: orEmpty(c.caller.Queues)}
	if c.caller.Session != nil {
		s.ExpiresAt = timeOrNil(c.caller.Session.ExpiresAt)
	}
	return s
}

func endSession(c *request) (response, error) {
	if err := c.EndSession(c.ctx(), c.caller); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

func listTokens(c *request) (response, error) {
	all, err := c.ListTokens(c.ctx(), c.caller)
	if err != nil {
		return response{}, err
	}
	out := TokenList{Tokens: make([]Token, len(all))}
	for i, t := range all {
		out.Tokens[i] = Token{ID: t.Hash, Owner: t.Owner, Role: t.Role, Queues: orEmpty(t.Queues), Current: t.Hash == c.caller.TokenID()}
		if s := t.Session; s != nil {
			o := &out.Tokens[i]
			o.Session, o.Browser, o.CreatedAt, o.ExpiresAt = true, s.Browser, timeOrNil(s.CreatedAt), timeOrNil(s.ExpiresAt)
		}
	}
	return response{status: http.StatusOK, body: out}, nil
}

func revokeSession(c *request) (response, error) {
	id := c.params.need("id")
	if c.params.err != nil {
		return response{}, c.params.err
	}
	if err := errand.CheckTokenID("id", id); err != nil {
		return response{}, err
	}
	if err := c.RevokeSession(c.ctx(), c.caller, id); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
