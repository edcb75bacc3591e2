package api

import (
	"reflect"

	"github.com/errandhq/errand"
)

// DecodeStrict is for tests.
var DecodeStrict = decodeStrict

// Roles, Params and HasBody say what a route asks for.
func (r Route) Roles() []errand.Role { return r.roles }

// Params are its query parameters.
func (r Route) Params() []string { return r.params }

// HasBody reports whether it takes one.
func (r Route) HasBody() bool { return r.maxBody > 0 }

// IsOpen reports whether it takes no token.
func (r Route) IsOpen() bool { return r.isOpen() }

// Members are the names of t's JSON members, and whether each is required.
func Members(t reflect.Type) map[string]bool {
	out := map[string]bool{}
	for _, f := range fieldsOf(t) {
		out[f.name] = f.required
	}
	return out
}

// PanicEndpoint panics, for a test.
var PanicEndpoint = Endpoint{"panic", []Route{{Method: "GET", Path: "/api/panic", roles: users, do: func(*request) (response, error) {
	panic("a secret cause")
}}}}
