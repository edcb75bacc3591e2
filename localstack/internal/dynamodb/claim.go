package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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

// appendJSON appends what encoding/json would, by reflection.
func (c claim) appendJSON(b []byte) []byte {
	b = append(slices.Grow(b, 160), `{"Request":"`...)
	b = base64.StdEncoding.AppendEncode(b, c.Request)
	b = append(b, `","Until":"`...)
	b = c.Until.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","Tables":{`...)
	sep := ""
	for name, n := range c.Tables {
		b, _ = jsontext.AppendQuote(append(b, sep...), name) // it came as JSON: it is UTF-8
		b = strconv.AppendFloat(append(b, ':'), n, 'f', -1, 64)
		sep = ","
	}
	return append(b, "}}"...)
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
	a := answer{json: make([]byte, 0, 1<<10)}
	for _, item := range in.TransactItems {
		action, kind, _ := item.only() // checked before
		a.json = append(append(a.json, '{'), kind...)
		for _, s := range [...]*string{action.TableName, action.UpdateExpression, action.ConditionExpression, &action.ReturnValuesOnConditionCheckFailure} {
			a.json = appendText(a.json, s)
		}
		for _, it := range []Item{action.Item, action.Key, action.ExpressionAttributeValues} {
			a.add(it)
		}
		if len(action.ExpressionAttributeNames) > 0 {
			a.rest("", action.ExpressionAttributeNames)
		}
	}
	sum := sha256.Sum256(a.json)
	return sum[:], a.err
}

// appendText appends a text so that it has one end, nil for none.
func appendText(b []byte, s *string) []byte {
	if s == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(*s))+1), *s...)
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
	b.Set(e.space, key, mine.appendJSON(nil))
	return nil
}
