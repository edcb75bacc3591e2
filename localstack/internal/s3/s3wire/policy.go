// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

package s3wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// policy is the signed document that limits what a form may upload.
type policy struct {
	expires    time.Time
	conditions []condition
	// Bounds of the file's length in bytes; max -1: none.
	min, max int64
}

// condition applies to one field of the form, or to the bucket.
type condition struct {
	op, field, value string // op is eq or starts-with, field in lower case
	text             string // as it stands in the policy
}

// exemptFields needn't be in the policy.
var exemptFields = []string{"policy", "x-amz-signature", "file", "awsaccesskeyid", "signature"}

// parsePolicy decodes the policy field of a form.
func parsePolicy(encoded string) (*policy, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalidPolicy("Invalid Policy: Invalid Base64.")
	}
	var doc struct {
		Expiration string
		Conditions []json.RawMessage
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, invalidPolicy("Invalid Policy: Invalid JSON.")
	}
	p := &policy{max: -1}
	if p.expires, err = time.Parse(time.RFC3339, doc.Expiration); err != nil {
		return nil, invalidPolicy("Invalid Policy: Invalid 'expiration' value: '" + doc.Expiration + "'")
	}
	if doc.Conditions == nil {
		return nil, invalidPolicy("Invalid Policy: Policy missing conditions.")
	}
	for _, raw := range doc.Conditions {
		if err := p.add(raw); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add reads {"field": "value"}, ["op", "$field", "value"] or
// ["content-length-range", min, max].
func (p *policy) add(raw json.RawMessage) error {
	var pairs map[string]string
	if json.Unmarshal(raw, &pairs) == nil {
		if len(pairs) != 1 {
			return invalidPolicy("Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for k, v := range pairs {
			p.conditions = append(p.conditions, condition{"eq", strings.ToLower(k), v, string(raw)})
		}
		return nil
	}
	var list []any
	if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
		return invalidPolicy("Invalid Policy: Invalid Simple-Condition: " + string(raw))
	}
	op, _ := list[0].(string)
	op = strings.ToLower(op)
	if op == "content-length-range" {
		var ok1, ok2 bool
		p.min, ok1 = length(list[1])
		p.max, ok2 = length(list[2])
		if !ok1 || !ok2 {
			return conditionFailed(string(raw))
		}
		return nil
	}
	field, ok1 := list[1].(string)
	value, ok2 := list[2].(string)
	name, ok3 := strings.CutPrefix(field, "$")
	if !ok1 || !ok2 || op != "eq" && op != "starts-with" {
		return invalidPolicy("Invalid Policy: Invalid Condition: " + string(raw))
	}
	if !ok3 {
		return conditionFailed(string(raw))
	}
	p.conditions = append(p.conditions, condition{op, strings.ToLower(name), value, string(raw)})
	return nil
}

// length reads a limit, a number or a string.
func length(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		return int64(v), v >= 0 && v == float64(int64(v))
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil && n >= 0
	}
	return 0, false
}

// check compares a form with the policy: each condition must hold, and each field must
// have one. lengthReader checks the file's length.
func (p *policy) check(fields map[string]string, now time.Time) error {
	if !now.Before(p.expires) {
		return accessDenied("Invalid according to Policy: Policy expired.")
	}
	covered := map[string]bool{}
	for _, c := range p.conditions {
		covered[c.field] = true
		got := fields[c.field]
		if c.op == "eq" && got != c.value || c.op == "starts-with" && !c.startsWith(got) {
			return conditionFailed(c.text)
		}
	}
	var extra []string
	for name := range fields {
		if !covered[name] && name != "bucket" && !slices.Contains(exemptFields, name) && !strings.HasPrefix(name, "x-ignore-") {
			extra = append(extra, name)
		}
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		return accessDenied("Invalid according to Policy: Extra input fields: " + strings.Join(extra, ", "))
	}
	return nil
}

func conditionFailed(text string) error {
	return accessDenied("Invalid according to Policy: Policy Condition failed: " + text)
}

// startsWith applies to each of several comma-separated content types.
func (c condition) startsWith(got string) bool {
	if c.field != "content-type" {
		return strings.HasPrefix(got, c.value)
	}
	for v := range strings.SplitSeq(got, ",") {
		if !strings.HasPrefix(strings.TrimSpace(v), c.value) {
			return false
		}
	}
	return true
}

func invalidPolicy(message string) *awswire.Error {
	return awswire.Errorf(http.StatusBadRequest, "InvalidPolicyDocument", "%s", message)
}

func outOfRange(code, what string, size, bound int64) *awswire.Error {
	e := awswire.Errorf(http.StatusBadRequest, code, "Your proposed upload %s the %s allowed size", map[string]string{"EntityTooLarge": "exceeds", "EntityTooSmall": "is smaller than"}[code], what)
	e.Fields = map[string]any{"ProposedSize": size, map[string]string{"EntityTooLarge": "MaxSizeAllowed", "EntityTooSmall": "MinSizeAllowed"}[code]: fmt.Sprint(bound)}
	return e
}
