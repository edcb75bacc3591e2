// Package errand is the vocabulary of Errand and its rules: what a job, a
// command, a worker, an attempt and a result are, which values are allowed,
// which changes of state, and the control plane's use cases (Service) over the
// three interfaces that it needs (Store, Queue, Blobs).
//
// It uses the standard library alone. The adapters (internal/dynamo,
// internal/queue, internal/blob) and the HTTP contract (internal/api) import
// it; it imports none of them.
//
// Times are UTC. Durations on the wire are whole seconds, or milliseconds in
// names that end in Ms. Sizes are bytes.
package errand
