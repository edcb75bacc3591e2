// Package api is Errand's HTTP contract: the endpoints and their routes, the
// JSON that goes over the wire, problem+json errors, the handlers over
// control.Service, and the Go client. docs/api.md and docs/openapi.yaml describe
// the same for people and for machines; tests hold the three together.
//
// It uses the standard library alone, since the agent links it.
package api
