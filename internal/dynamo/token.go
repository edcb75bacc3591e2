package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// tokenItem is errand.Token. Those of sessions have a TTL; any other token lives until it
// is deleted.
type tokenItem struct {
	PK     string            `dynamodbav:"pk"` // its hash
	Role   string            `dynamodbav:"role"`
	Owner  string            `dynamodbav:"owner"`
	Queues []string          `dynamodbav:"queues,omitempty"`
	Worker string            `dynamodbav:"worker,omitempty"`
	Labels map[string]string `dynamodbav:"labels,omitempty"`

	Parent  string `dynamodbav:"parent,omitempty"` // of a session
	Created int64  `dynamodbav:"created,omitempty"`
	Expires int64  `dynamodbav:"expires,omitempty"`
	Browser string `dynamodbav:"browser,omitempty"`
	meta
}

func newTokenItem(t *errand.Token) tokenItem {
	i := tokenItem{PK: t.Hash, Role: string(t.Role), Owner: t.Owner, Queues: t.Queues, Worker: t.WorkerName, Labels: t.Labels}
	if s := t.Session; s != nil {
		i.Parent, i.Created, i.Expires, i.Browser = s.Parent, millis(s.CreatedAt), millis(s.ExpiresAt), s.Browser
		i.TTL = ttlOf(s.ExpiresAt)
	}
	return i
}

// ttlOf is the TTL of an item that is of no use from a time on.
func ttlOf(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

func (i *tokenItem) token() *errand.Token {
	t := &errand.Token{Hash: i.PK, Role: errand.Role(i.Role), Owner: i.Owner, Queues: i.Queues, WorkerName: i.Worker, Labels: i.Labels}
	if i.Parent != "" {
		t.Session = &errand.Session{Parent: i.Parent, CreatedAt: fromMillis(i.Created), ExpiresAt: fromMillis(i.Expires), Browser: i.Browser}
	}
	return t
}

// Token implements control.TokenStore.
func (s *Store) Token(ctx context.Context, hash string) (*errand.Token, error) {
	var i tokenItem
	if err := s.get(ctx, s.tables.Tokens, item{"pk": str(hash)}, &i); err != nil {
		return nil, err
	}
	return i.token(), nil
}

// PutToken implements control.TokenStore.
func (s *Store) PutToken(ctx context.Context, t *errand.Token) error {
	return s.overwrite(ctx, s.tables.Tokens, newTokenItem(t))
}

// Tokens implements control.TokenStore.
func (s *Store) Tokens(ctx context.Context) ([]errand.Token, error) {
	consistent := true
	in := &dynamodb.ScanInput{TableName: &s.tables.Tokens, ConsistentRead: &consistent}
	var all []errand.Token
	for pages := dynamodb.NewScanPaginator(s.db, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", s.tables.Tokens, err)
		}
		for _, it := range page.Items {
			var i tokenItem
			err := s.decode(it, &i)
			if errors.Is(err, control.ErrNotFound) || strings.HasPrefix(i.PK, codePrefix) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, *i.token())
		}
	}
	return all, nil
}

// DeleteToken implements control.TokenStore.
func (s *Store) DeleteToken(ctx context.Context, hash string) error {
	in := &dynamodb.DeleteItemInput{TableName: &s.tables.Tokens, Key: item{"pk": str(hash)}}
	if _, err := s.db.DeleteItem(ctx, in); err != nil {
		return fmt.Errorf("delete from %s: %w", s.tables.Tokens, err)
	}
	return nil
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
	if i.Worker != "" {
		attributes["worker"] = value{"S": i.Worker}
	}
	if len(i.Labels) > 0 {
		labels := map[string]value{}
		for name, v := range i.Labels {
			labels[name] = value{"S": v}
		}
		attributes["labels"] = value{"M": labels}
	}
	b, _ := json.Marshal(attributes) // strings in maps: can't fail
	return string(b)
}
