// Package errand is the vocabulary of Errand and its rules: what a job, a
// command, a worker, an attempt and a result are, which values are allowed, and
// which changes of a job's state.
//
// It uses the standard library only. The use cases are in internal/control, the
// HTTP contract and its client in internal/api.
//
// Times are UTC. Durations in JSON are whole seconds, or milliseconds in names
// that end in Ms. Sizes are bytes.
package errand

import _ "embed"

// Template is template.yaml: the one list of routes, functions, schedules, tables,
// queues and buckets.
//
//go:embed template.yaml
var Template []byte
