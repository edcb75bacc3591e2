// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html

package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// mapping is a parameter of a service integration: text with expressions whose
// values come from the request.
type mapping struct {
	literals    []string // one more than expressions
	expressions []string // "request.header.x", without the $
}

// embedded matches "${request.body.a}" within text.
var embedded = regexp.MustCompile(`\$\{([^}]*)\}`)

// compileMapping parses "$request.body.a", "a-${context.requestId}" or "text".
// Errors: an unsupported expression.
func compileMapping(s string) (mapping, error) {
	m := mapping{}
	rest := s
	if expression, ok := strings.CutPrefix(s, "$"); ok && !strings.HasPrefix(s, "${") {
		m.literals, m.expressions = []string{"", ""}, []string{expression}
	} else {
		for loc := embedded.FindStringSubmatchIndex(rest); loc != nil; loc = embedded.FindStringSubmatchIndex(rest) {
			m.literals = append(m.literals, rest[:loc[0]])
			m.expressions = append(m.expressions, rest[loc[2]:loc[3]])
			rest = rest[loc[1]:]
		}
		m.literals = append(m.literals, rest)
	}
	for _, e := range m.expressions {
		if !supported(e) {
			return m, fmt.Errorf("the expression $%s is not supported", e)
		}
	}
	return m, nil
}

func supported(expression string) bool {
	source, name, _ := strings.Cut(expression, ".")
	if source == "context" {
		_, ok := contextValues[name]
		return ok
	}
	part, rest, named := strings.Cut(name, ".")
	switch {
	case source != "request" || strings.Contains(expression, ".."):
		return false
	case part == "header", part == "querystring":
		return named && rest != ""
	}
	return part == "body" || part == "path"
}

// value returns the text for a request. ok reports whether every expression had a
// value.
func (m mapping) value(e *event, body []byte) (text string, ok bool) {
	var b strings.Builder
	b.WriteString(m.literals[0])
	ok = true
	for i, expression := range m.expressions {
		v, found := resolve(expression, e, body)
		ok = ok && found
		b.WriteString(v)
		b.WriteString(m.literals[i+1])
	}
	return b.String(), ok
}

func resolve(expression string, e *event, body []byte) (string, bool) {
	source, name, _ := strings.Cut(expression, ".")
	if source == "context" {
		return contextValues[name](e), true
	}
	part, name, named := strings.Cut(name, ".")
	var from map[string]string
	switch part {
	case "header":
		from, name = e.Headers, strings.ToLower(name)
	case "querystring":
		from = e.QueryStringParameters
	case "path":
		if !named {
			return e.RawPath, true
		}
		from = e.PathParameters
	case "body":
		if !named {
			return string(body), len(body) > 0
		}
		return member(body, strings.Split(name, "."))
	}
	v, ok := from[name]
	return v, ok
}

// member returns a member of a JSON body: the text of a string, anything else as
// JSON.
func member(body []byte, path []string) (string, bool) {
	raw := json.RawMessage(body)
	for _, name := range path {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil || members[name] == nil {
			return "", false
		}
		raw = members[name]
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, !bytes.Equal(raw, []byte("null"))
	}
	return string(raw), true
}

// contextValues are the supported variables of $context.
var contextValues = map[string]func(*event) string{
	"accountId":          func(e *event) string { return e.RequestContext.AccountID },
	"apiId":              func(e *event) string { return e.RequestContext.APIID },
	"domainName":         func(e *event) string { return e.RequestContext.DomainName },
	"httpMethod":         func(e *event) string { return e.RequestContext.HTTP.Method },
	"identity.sourceIp":  func(e *event) string { return e.RequestContext.HTTP.SourceIP },
	"identity.userAgent": func(e *event) string { return e.RequestContext.HTTP.UserAgent },
	"path":               func(e *event) string { return e.RequestContext.HTTP.Path },
	"protocol":           func(e *event) string { return e.RequestContext.HTTP.Protocol },
	"requestId":          func(e *event) string { return e.RequestContext.RequestID },
	"requestTime":        func(e *event) string { return e.RequestContext.Time },
	"requestTimeEpoch":   func(e *event) string { return fmt.Sprint(e.RequestContext.TimeEpoch) },
	"routeKey":           func(e *event) string { return e.RouteKey },
	"stage":              func(e *event) string { return e.RequestContext.Stage },
}
