package control

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/errandhq/errand"
)

// TokenStore keeps tokens.
type TokenStore interface {
	// Token reads a token by its hash. Errors: ErrNotFound.
	Token(ctx context.Context, hash string) (*errand.Token, error)
	// PutToken creates or replaces a token.
	PutToken(ctx context.Context, t *errand.Token) error
	// Tokens lists all tokens, in no order, without sessions that have expired.
	Tokens(ctx context.Context) ([]errand.Token, error)
	// DeleteToken removes a token. It may be repeated.
	DeleteToken(ctx context.Context, hash string) error
}

// Authenticate returns the principal of a token, which another process may have revoked up
// to 5 seconds ago. Errors: CodeUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, token string) (Principal, error) {
	if id, ok := errand.WorkerOfToken(token); ok {
		return s.authenticateWorker(ctx, id, token)
	}
	t, err := s.token(ctx, errand.HashToken(token))
	if errors.Is(err, ErrNotFound) && errand.IsSessionToken(token) {
		return Principal{}, errSessionEnded()
	}
	if errors.Is(err, ErrNotFound) {
		return Principal{}, errBadToken()
	}
	if err != nil {
		return Principal{}, unavailable("read the token", err)
	}
	if t.Session != nil {
		return s.authenticateSession(ctx, t)
	}
	return principalOf(t), nil
}

func principalOf(t *errand.Token) Principal {
	return Principal{Role: t.Role, Owner: t.Owner, Queues: t.Queues, WorkerName: t.WorkerName, Labels: t.Labels, TokenHash: t.Hash}
}

func (s *Service) authenticateWorker(ctx context.Context, id, token string) (Principal, error) {
	w, err := s.Store.Worker(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !sameHash(w.TokenHash, token) {
		return Principal{}, errBadToken()
	}
	if err != nil {
		return Principal{}, unavailable("read the worker", err)
	}
	return Principal{Role: errand.RoleWorker, Owner: w.Owner, Queues: w.Queues, WorkerID: id, worker: w}, nil
}

func sameHash(hash, token string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(errand.HashToken(token))) == 1
}

func errBadToken() error {
	return errand.Errorf(errand.CodeUnauthenticated, "the bearer token is not known; errand local keeps its tokens in its data directory")
}

// GrantToken stores a token, so that Authenticate accepts it. It is for operators:
// no route of the API calls it.
func (s *Service) GrantToken(ctx context.Context, token string, role errand.Role, owner string, queues []string) error {
	t := &errand.Token{Hash: errand.HashToken(token), Role: role, Owner: owner, Queues: queues}
	if err := t.Validate(); err != nil {
		return err
	}
	if err := s.Store.PutToken(ctx, t); err != nil {
		return unavailable("keep the token", err)
	}
	return nil
}

// RevokeTokens deletes the owner's tokens but those given and their sessions. It is for
// operators, as GrantToken.
func (s *Service) RevokeTokens(ctx context.Context, owner string, except []string) error {
	keep := map[string]bool{}
	for _, token := range except {
		keep[errand.HashToken(token)] = true
	}
	all, err := s.Store.Tokens(ctx)
	if err != nil {
		return unavailable("list the tokens", err)
	}
	for _, t := range all {
		if t.Owner != owner || keep[t.Hash] || t.Session != nil && keep[t.Session.Parent] {
			continue
		}
		if err := s.Store.DeleteToken(ctx, t.Hash); err != nil {
			return unavailable("delete a token", err)
		}
	}
	return nil
}
