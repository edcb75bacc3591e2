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

// tokenLife is how long a client token makes a repeated transaction do nothing.
const tokenLife = 10 * time.Minute

// A claim is what is kept of a client token.
type claim struct {
	Request []byte // its hash
	Until   time.Time
	Tables  map[string]float64 // table → actions, for what a repetition reads
}

// repeat ends a transaction that was done before.
type repeat struct{ claim claim }

func (*repeat) Error() string { return "the transaction was done before" }

func (r *repeat) bill() (b Bill) {
	for _, n := range r.claim.Tables {
		b.total += 2 * n
	}
	return b
}

// answer is what a repetition uses: AWS bills it as reads of the items.
func (r *repeat) answer(want string) []ConsumedCapacity {
	var out []ConsumedCapacity
	for _, name := range slices.Sorted(maps.Keys(r.claim.Tables)) {
		u := units{table: 2 * r.claim.Tables[name]}
		if c := u.consumed(want, name); c != nil {
			c.asReads()
			out = append(out, *c)
		}
	}
	return out
}

// hash tells requests apart.
func (in *TransactWriteItemsInput) hash() ([]byte, error) {
	b, err := json.Marshal(in.TransactItems, json.Deterministic(true))
	sum := sha256.Sum256(b)
	return sum[:], err
}

// claimToken puts the token into the transaction's own batch. The caller holds
// the token's stripe.
func (e *Engine) claimToken(b *kv.Batch, key []byte, in *TransactWriteItemsInput) error {
	request, err := in.hash()
	if err != nil {
		return fmt.Errorf("hash a transaction: %w", err)
	}
	now := e.clock.Now()
	mine := claim{Request: request, Until: now.Add(tokenLife), Tables: map[string]float64{}}
	for _, item := range in.TransactItems {
		a, _, _ := item.only() // checked before
		mine.Tables[*a.TableName]++
	}
	old, ok, err := e.space.Find(key)
	if err != nil {
		return err
	}
	var theirs claim
	if ok {
		if err := json.Unmarshal(old, &theirs); err != nil {
			return fmt.Errorf("read a client token: %w", err)
		}
	}
	if ok && now.Before(theirs.Until) {
		if !bytes.Equal(theirs.Request, mine.Request) {
			return badRequest("IdempotentParameterMismatchException", "Cannot have a request that is different from the original request while using the same client token")
		}
		return &repeat{theirs}
	}
	kept, err := json.Marshal(mine)
	if err != nil {
		return fmt.Errorf("keep a client token: %w", err)
	}
	b.Set(e.space, key, kept)
	return nil
}
