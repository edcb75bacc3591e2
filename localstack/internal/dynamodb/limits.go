// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeLimits.html

package dynamodb

import "context"

// DescribeLimitsInput has no members.
type DescribeLimitsInput struct{}

// DescribeLimitsOutput has the quotas of an account and of a table, in units.
type DescribeLimitsOutput struct {
	AccountMaxReadCapacityUnits  int64
	AccountMaxWriteCapacityUnits int64
	TableMaxReadCapacityUnits    int64
	TableMaxWriteCapacityUnits   int64
}

// DescribeLimits returns the quotas that a new account has on AWS. Nothing enforces them
// here.
func (e *Engine) DescribeLimits(context.Context, *DescribeLimitsInput) (*DescribeLimitsOutput, error) {
	return &DescribeLimitsOutput{80_000, 80_000, 40_000, 40_000}, nil
}
