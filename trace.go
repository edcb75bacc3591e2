package errand

import "regexp"

// EnvTraceParent is the variable in which commands find the span that they are part of,
// and clients the one that they were started in.
const EnvTraceParent = "TRACEPARENT"

// traceParentRE is a traceparent header of version 00:
// https://www.w3.org/TR/trace-context/#traceparent-header
var traceParentRE = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)

// ValidTraceParent reports whether s names a span: a traceparent header whose IDs are not
// all zeros.
func ValidTraceParent(s string) bool {
	m := traceParentRE.FindStringSubmatch(s)
	return m != nil && m[1] != "00000000000000000000000000000000" && m[2] != "0000000000000000"
}
