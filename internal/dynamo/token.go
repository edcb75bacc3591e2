package dynamo

import (
	"context"
	"encoding/json"

	"github.com/errandhq/errand"
)

// tokenItem is errand.Token. It has no TTL: a token lives until it is deleted.
type tokenItem struct {
	PK     string   `dynamodbav:"pk"` // its hash
	Role   string   `dynamodbav:"role"`
	Owner  string   `dynamodbav:"owner"`
	Queues []string `dynamodbav:"queues,omitempty"`
}

func newTokenItem(t *errand.Token) tokenItem {
	return tokenItem{PK: t.Hash, Role: string(t.Role), Owner: t.Owner, Queues: t.Queues}
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
	return s.overwrite(ctx, s.tables.Tokens, newTokenItem(t))
}

// TokenItemJSON is the item that PutToken writes, as aws dynamodb put-item takes
// it.
func TokenItemJSON(t *errand.Token) string {
	i := newTokenItem(t)
	type value map[string]any
	attributes := map[string]value{"pk": {"S": i.PK}, "role": {"S": i.Role}, "owner": {"S": i.Owner}}
	if len(i.Queues) > 0 {
		queues := make([]value, len(i.Queues))
		for n, q := range i.Queues {
			queues[n] = value{"S": q}
		}
		attributes["queues"] = value{"L": queues}
	}
	b, _ := json.Marshal(attributes) // strings in maps: can't fail
	return string(b)
}
