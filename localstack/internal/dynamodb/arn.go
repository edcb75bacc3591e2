package dynamodb

import (
	"context"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

const arnStart = "arn:aws:dynamodb:"

// isTableARN reports whether a TableName is the ARN of a table instead, as AWS
// allows: arn:aws:dynamodb:REGION:ACCOUNT:table/NAME.
func isTableARN(name string) bool {
	_, _, ok := cutTableARN(name)
	return ok
}

// cutTableARN splits the ARN of a table.
func cutTableARN(arn string) (id tableID, account string, ok bool) {
	rest, ok := strings.CutPrefix(arn, arnStart)
	if !ok {
		return id, "", false
	}
	region, rest, _ := strings.Cut(rest, ":")
	account, rest, _ = strings.Cut(rest, ":")
	name, ok := strings.CutPrefix(rest, "table/")
	ok = ok && region != "" && account != "" && isName(name) && len(name) >= 3 && len(name) <= 255
	return tableID{region, name}, account, ok
}

// tableIn returns the table that a TableName names in the region of ctx. Tables of
// other regions and accounts don't exist here.
func tableIn(ctx context.Context, name string) (id tableID, ok bool) {
	here := regionOf(ctx)
	id, account, isARN := cutTableARN(name)
	if !isARN {
		return tableID{here, name}, true
	}
	return id, account == awswire.Account && id.region == here
}

// lookUpTable returns the table that a TableName names. The caller holds e.mu.
func (e *Engine) lookUpTable(ctx context.Context, name string) (*table, bool) {
	id, ok := tableIn(ctx, name)
	if !ok {
		return nil, false
	}
	t, ok := e.tables[id]
	return t, ok
}
