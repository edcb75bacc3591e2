package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// SessionCodeStore keeps the codes that start sessions.
type SessionCodeStore interface {
	// PutSessionCode stores a code.
	PutSessionCode(ctx context.Context, c *errand.SessionCode) error
	// TakeSessionCode removes a code and returns it: of several calls, one gets it. If the
	// answer to a call was lost, nobody may get it. Errors: ErrNotFound.
	TakeSessionCode(ctx context.Context, hash string) (*errand.SessionCode, error)
}

// NewSessionCode returns a code with which a browser can start a session, once and within
// SessionCodeLifetime. Errors: CodeForbidden for a session: it makes no others, so that
// none outlives its own time.
func (s *Service) NewSessionCode(ctx context.Context, c Caller) (string, error) {
	if c.Session != nil {
		return "", errand.Errorf(errand.CodeForbidden, "a browser's session can't sign in another browser; use errand open")
	}
	return s.makeSessionCode(ctx, c.TokenHash, errand.SessionCodeLifetime)
}

// NewStartCode returns a code for the token with this hash that lives for StartCodeLifetime.
// It is for operators: no route of the API calls it.
func (s *Service) NewStartCode(ctx context.Context, tokenHash string) (string, error) {
	return s.makeSessionCode(ctx, tokenHash, errand.StartCodeLifetime)
}

func (s *Service) makeSessionCode(ctx context.Context, parent string, lifetime time.Duration) (string, error) {
	code := errand.NewSessionCode()
	record := &errand.SessionCode{Hash: errand.HashToken(code), Parent: parent, ExpiresAt: s.now().Add(lifetime)}
	if err := s.Store.PutSessionCode(ctx, record); err != nil {
		return "", unavailable("store the code", err)
	}
	return code, nil
}

// maxBrowserBytes is how much of a User-Agent is kept.
const maxBrowserBytes = 200

// StartSession exchanges a code for the token of a new session. No other call gets one for
// the same code. Errors: CodeUnauthenticated.
func (s *Service) StartSession(ctx context.Context, code, browser string) (token string, p Principal, err error) {
	if !errand.IsSessionCode(code) {
		return "", p, errBadCode()
	}
	record, err := s.Store.TakeSessionCode(ctx, errand.HashToken(code))
	if errors.Is(err, ErrNotFound) {
		return "", p, errBadCode()
	}
	if err != nil {
		return "", p, unavailable("read the code", err)
	}
	now := s.now()
	if !now.Before(record.ExpiresAt) {
		return "", p, errBadCode()
	}
	token = errand.NewSessionToken()
	t := &errand.Token{Hash: errand.HashToken(token), Session: &errand.Session{
		Parent: record.Parent, CreatedAt: now, ExpiresAt: now.Add(errand.SessionLifetime), Browser: printable(browser),
	}}
	if p, err = s.authenticateSession(ctx, t); err != nil {
		return "", p, err
	}
	t.Role, t.Owner = p.Role, p.Owner // for lists
	if err := s.Store.PutToken(ctx, t); err != nil {
		return "", p, unavailable("store the session", err)
	}
	return token, p, nil
}

// printable is the ASCII text of a header, shortened.
func printable(header string) string {
	header = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, header)
	return header[:min(len(header), maxBrowserBytes)]
}

func errBadCode() error {
	return errand.Errorf(errand.CodeUnauthenticated, "the code in the link is not valid: it works once, within %d seconds; get another link with errand open", int(errand.SessionCodeLifetime.Seconds()))
}

// authenticateSession returns the principal of a session, with the permissions of the
// token that it stands for, so that revoking it ends its sessions.
func (s *Service) authenticateSession(ctx context.Context, t *errand.Token) (Principal, error) {
	if !s.now().Before(t.Session.ExpiresAt) {
		return Principal{}, errSessionEnded()
	}
	parent, err := s.token(ctx, t.Session.Parent)
	if errors.Is(err, ErrNotFound) || err == nil && parent.Session != nil {
		return Principal{}, errSessionEnded()
	}
	if err != nil {
		return Principal{}, unavailable("read the token", err)
	}
	p := principalOf(parent)
	p.SessionHash, p.Session = t.Hash, t.Session
	return p, nil
}

func errSessionEnded() error {
	return errand.Errorf(errand.CodeUnauthenticated, "the session has ended; sign in again with errand open")
}

// EndSession revokes the session that the caller uses. It may be repeated. Errors:
// CodeForbidden, if the caller's token is no session's.
func (s *Service) EndSession(ctx context.Context, c Caller) error {
	if c.Session == nil {
		return errNoSession()
	}
	return s.deleteToken(ctx, c.SessionHash)
}

func errNoSession() error {
	return errand.Errorf(errand.CodeForbidden, "this is a permanent token, which is revoked in the tokens table (docs/deployment.md); this call ends sessions")
}

func (s *Service) deleteToken(ctx context.Context, hash string) error {
	if err := s.Store.DeleteToken(ctx, hash); err != nil {
		return unavailable("delete the token", err)
	}
	return nil
}

// ListTokens returns the tokens and sessions of the caller's owner, an admin's call all
// owners', the newest sessions first, then the permanent tokens.
func (s *Service) ListTokens(ctx context.Context, c Caller) ([]errand.Token, error) {
	all, err := s.Store.Tokens(ctx)
	if err != nil {
		return nil, unavailable("list the tokens", err)
	}
	all = slices.DeleteFunc(all, func(t errand.Token) bool { return !c.Sees(t.Owner) })
	slices.SortFunc(all, compareTokens)
	return all, nil
}

func compareTokens(a, b errand.Token) int {
	switch {
	case a.Session != nil && b.Session != nil:
		return b.Session.CreatedAt.Compare(a.Session.CreatedAt)
	case a.Session != nil:
		return -1
	case b.Session != nil:
		return 1
	}
	return strings.Compare(a.Owner+"\x00"+string(a.Role)+a.Hash, b.Owner+"\x00"+string(b.Role)+b.Hash)
}

// RevokeSession ends a session by the hash of its token. Errors: CodeTokenNotFound, also
// for another owner's; CodeForbidden for a permanent token.
func (s *Service) RevokeSession(ctx context.Context, c Caller, hash string) error {
	t, err := s.Store.Token(ctx, hash)
	if errors.Is(err, ErrNotFound) || err == nil && !c.Sees(t.Owner) {
		return errand.Errorf(errand.CodeTokenNotFound, "there is no token with this ID")
	}
	if err != nil {
		return unavailable("read the token", err)
	}
	if t.Session == nil {
		return errNoSession()
	}
	return s.deleteToken(ctx, hash)
}
