package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/kv"
)

const (
	// clientTokenLife is how long a repeated transaction with the same client token
	// has no effect.
	clientTokenLife    = 10 * time.Minute
	tokenSweepInterval = time.Minute
)

// A clientToken is the record of a transaction's ClientRequestToken.
type clientToken struct {
	RequestHash []byte
	ExpiresAt   time.Time
	Actions     map[string]float64 // by table: a repetition is billed for reading them
}

func readClientToken(stored []byte) (t clientToken, err error) {
	if err := json.Unmarshal(stored, &t); err != nil {
		return t, fmt.Errorf("read a client token: %w", err)
	}
	return t, nil
}

// repeated is the error that ends a transaction whose client token was used before.
type repeated struct{ token clientToken }

func (*repeated) Error() string { return "the transaction was done before" }

func (r *repeated) bill() (b Bill) {
	for _, n := range r.token.Actions {
		b.total += 2 * n
	}
	return b
}

// consumed returns the units of a repetition: AWS bills it as reads of the items.
func (r *repeated) consumed(want string) []ConsumedCapacity {
	var out []ConsumedCapacity
	for _, name := range slices.Sorted(maps.Keys(r.token.Actions)) {
		u := units{table: 2 * r.token.Actions[name]}
		if c := u.consumed(want, name); c != nil {
			c.asReads()
			out = append(out, *c)
		}
	}
	return out
}

func (in *TransactWriteItemsInput) hash() ([]byte, error) {
	b, err := json.Marshal(in.TransactItems, json.Deterministic(true))
	sum := sha256.Sum256(b)
	return sum[:], err
}

// useClientToken adds the token to the transaction's batch, or fails with *repeated
// or IdempotentParameterMismatchException. The caller holds the token's stripe.
func (e *Engine) useClientToken(b *kv.Batch, key []byte, in *TransactWriteItemsInput) error {
	hash, err := in.hash()
	if err != nil {
		return fmt.Errorf("hash a transaction: %w", err)
	}
	now := e.Clock.Now()
	stored, ok, err := e.Keys.Find(key)
	if err != nil {
		return err
	}
	if ok {
		used, err := readClientToken(stored)
		if err != nil {
			return err
		}
		if now.Before(used.ExpiresAt) {
			if !bytes.Equal(used.RequestHash, hash) {
				return badRequest("IdempotentParameterMismatchException", "Cannot have a request that is different from the original request while using the same client token")
			}
			return &repeated{used}
		}
	}
	token := clientToken{RequestHash: hash, ExpiresAt: now.Add(clientTokenLife), Actions: map[string]float64{}}
	for _, item := range in.TransactItems {
		a, _, _ := item.only() // checked before
		token.Actions[*a.TableName]++
	}
	if stored, err = json.Marshal(token); err != nil {
		return fmt.Errorf("store a client token: %w", err)
	}
	b.Set(e.Keys, key, stored)
	return nil
}

// sweepClientTokens removes the expired tokens.
func (e *Engine) sweepClientTokens() error {
	now := e.Clock.Now()
	var expired [][]byte
	err := e.Keys.Scan([]byte{prefixClientToken}, []byte{prefixClientToken + 1}, func(k, v []byte) (bool, error) {
		t, err := readClientToken(v)
		if err == nil && !now.Before(t.ExpiresAt) {
			expired = append(expired, bytes.Clone(k))
		}
		return true, err
	})
	if err != nil {
		return err
	}
	for _, key := range expired {
		if err := e.removeExpiredToken(key, now); err != nil {
			return err
		}
	}
	return nil
}

// removeExpiredToken checks the token again under its lock: a transaction may have
// renewed it.
func (e *Engine) removeExpiredToken(key []byte, now time.Time) error {
	return e.writeWith(func() ([]*write, error) { return nil, nil }, key, func(b *kv.Batch) error {
		stored, ok, err := e.Keys.Get(key)
		if err != nil || !ok {
			return err
		}
		t, err := readClientToken(stored)
		if err == nil && !now.Before(t.ExpiresAt) {
			b.Delete(e.Keys, key)
		}
		return err
	})
}
