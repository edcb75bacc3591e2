package dynamo

import (
	"context"

	"github.com/errandhq/errand"
)

// tokenItem is errand.Token. It has no TTL: a token lives until it is deleted.
type tokenItem struct {
	PK     string   `dynamodbav:"pk"` // its hash
	Role   string   `dynamodbav:"role"`
	Owner  string   `dynamodbav:"owner"`
	Queues []string `dynamodbav:"queues,omitempty"`
}

// Token implements control.TokenStore.
func (s *Store) Token(ctx context.Context, hash string) (*errand.Token, error) {
	var i tokenItem
	if err := s.get(ctx, s.tables.Tokens, item{"pk": str(hash)}, &i); err != nil {
		return nil, err
	}
	return &errand.Token{Hash: i.PK, Role: errand.Role(i.Role), Owner: i.Owner, Queues: i.Queues}, nil
}

// PutToken implements control.TokenStore.
func (s *Store) PutToken(ctx context.Context, t *errand.Token) error {
	return s.overwrite(ctx, s.tables.Tokens, tokenItem{PK: t.Hash, Role: string(t.Role), Owner: t.Owner, Queues: t.Queues})
}
