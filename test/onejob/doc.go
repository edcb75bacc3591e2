// Package onejob tests errand with one job end to end, on every system that it is
// built for: the server, the agent and the client are the built program.
package onejob
