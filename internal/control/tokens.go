package control

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/errandhq/errand"
)

const (
	// tokenAge is how long a process trusts a token that it has read. One that this process
	// revokes is refused at once, one that another process revokes within this time.
	tokenAge = 5 * time.Second
	// maxTokens bounds how many tokens a process keeps.
	maxTokens = 1000
)

// token returns the token with the hash, as it was at most tokenAge ago. Requests share it,
// so nobody may change it. Errors: ErrNotFound.
func (s *Service) token(ctx context.Context, hash string) (*errand.Token, error) {
	now := s.Clock.Now()
	t, change := s.Changes.tokens.get(hash, now)
	if t != nil {
		return t, nil
	}
	t, err := s.Store.Token(ctx, hash)
	if err == nil {
		s.Changes.tokens.keep(t, now, change)
	}
	return t, err
}

// tokenCache is the tokens that a process read last. The zero value is empty.
type tokenCache struct {
	mu      sync.Mutex
	byHash  map[string]readToken
	changes int // of tokens, that this process made
}

type readToken struct {
	token *errand.Token
	at    time.Time // when the read began
}

// get returns the token, or nil. The number of changes is for keep.
func (c *tokenCache) get(hash string, now time.Time) (t *errand.Token, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.byHash[hash]; ok && r.isFresh(now) {
		t = r.token
	}
	return t, c.changes
}

// keep keeps a token unless one has changed since the read of it began.
func (c *tokenCache) keep(t *errand.Token, at time.Time, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return
	}
	if len(c.byHash) >= maxTokens {
		maps.DeleteFunc(c.byHash, func(_ string, r readToken) bool { return !r.isFresh(at) })
	}
	if len(c.byHash) >= maxTokens {
		return
	}
	if c.byHash == nil {
		c.byHash = map[string]readToken{}
	}
	c.byHash[t.Hash] = readToken{t, at}
}

func (c *tokenCache) forget(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byHash, hash)
	c.changes++
}

// isFresh goes by the monotonic clock and by the time of day: the one stands still while a
// function is frozen, the other may be set back.
func (r readToken) isFresh(now time.Time) bool {
	wall := now.Round(0).Sub(r.at.Round(0))
	return 0 <= wall && wall < tokenAge && now.Sub(r.at) < tokenAge
}

// PutToken forgets what was read of the token, even if it fails: it may have been applied.
func (s publishingStore) PutToken(ctx context.Context, t *errand.Token) error {
	defer s.changes.tokens.forget(t.Hash)
	return s.Store.PutToken(ctx, t)
}

// DeleteToken forgets the token as PutToken does.
func (s publishingStore) DeleteToken(ctx context.Context, hash string) error {
	defer s.changes.tokens.forget(hash)
	return s.Store.DeleteToken(ctx, hash)
}
