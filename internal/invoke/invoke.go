// Package invoke is the Direct on Lambda: it invokes the function that runs
// user commands in a process without credentials.
package invoke

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Direct is the control.Direct on Lambda.
type Direct struct {
	lambda   *lambda.Client
	function string
}

var _ control.Direct = (*Direct)(nil)

// New returns a Direct that invokes the function of that name.
func New(client *lambda.Client, function string) *Direct {
	return &Direct{lambda: client, function: function}
}

// functionError is what Lambda answers for a function that failed.
type functionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Run implements control.Direct. It tries once: the commands may have run.
func (d *Direct) Run(ctx context.Context, r errand.DirectRequest) (errand.DirectReport, error) {
	var out errand.DirectReport
	payload, err := json.Marshal(r)
	if err != nil {
		return out, fmt.Errorf("encode the direct request: %w", err)
	}
	res, err := d.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &d.function, Payload: payload}, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{}
	})
	if err != nil {
		return out, fmt.Errorf("invoke %s: %w", d.function, err)
	}
	if res.FunctionError != nil {
		return out, failure(d.function, res.Payload)
	}
	if err := json.Unmarshal(res.Payload, &out); err != nil {
		return out, fmt.Errorf("decode the answer of %s: %w", d.function, err)
	}
	return out, nil
}

func failure(function string, payload []byte) error {
	var e functionError
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("%s failed: %q", function, payload[:min(len(payload), 200)])
	}
	if e.Type == "Sandbox.Timedout" {
		return fmt.Errorf("%s: %s: %w", function, e.Message, context.DeadlineExceeded)
	}
	return fmt.Errorf("%s failed: %s: %s", function, e.Type, e.Message)
}
