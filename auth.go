package errand

import (
	"context"
	"crypto/subtle"
	"errors"
)

// Authenticate says who bears the token. Errors: CodeUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, token string) (Principal, error) {
	if id, ok := workerOfToken(token); ok {
		return s.authenticateWorker(ctx, id, token)
	}
	t, err := s.Store.Token(ctx, HashToken(token))
	if errors.Is(err, ErrNotFound) {
		return Principal{}, errBadToken()
	}
	if err != nil {
		return Principal{}, unavailable("read the token", err)
	}
	return Principal{Role: t.Role, Owner: t.Owner, Queues: t.Queues}, nil
}

func (s *Service) authenticateWorker(ctx context.Context, id, token string) (Principal, error) {
	if !wtokenRE.MatchString(token) {
		return Principal{}, errBadToken() // no such key can be asked for
	}
	w, err := s.Store.Worker(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !sameHash(w.TokenHash, token) {
		return Principal{}, errBadToken()
	}
	if err != nil {
		return Principal{}, unavailable("read the worker", err)
	}
	return Principal{Role: RoleWorker, Owner: w.Owner, Queues: w.Queues, WorkerID: id, worker: w}, nil
}

func sameHash(hash, token string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(HashToken(token))) == 1
}

func errBadToken() error {
	return Errorf(CodeUnauthenticated, "the bearer token is not known; errand local keeps its tokens in its data directory")
}

// unavailable is the error for a Store, Queue or Blobs that failed.
func unavailable(op string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Code: CodeUnavailable, Message: "the server could not " + op + "; try again", Cause: err}
}

// GrantToken stores a token, so that Authenticate knows it. For operators: no
// route of the API leads here.
func (s *Service) GrantToken(ctx context.Context, token string, role Role, owner string, queues []string) error {
	if !ownerRE.MatchString(owner) {
		return invalid("owner", "owner must match %s", OwnerPattern)
	}
	for _, q := range queues {
		if !queueRE.MatchString(q) {
			return invalid("queue", "queue %q must match %s", q, QueuePattern)
		}
	}
	switch role {
	case RoleUser, RoleAgent, RoleAdmin:
	case RoleWorker:
		fallthrough
	default:
		return invalid("role", "role is user, agent or admin, not %q", role)
	}
	if err := s.Store.PutToken(ctx, &Token{Hash: HashToken(token), Role: role, Owner: owner, Queues: queues}); err != nil {
		return unavailable("keep the token", err)
	}
	return nil
}
