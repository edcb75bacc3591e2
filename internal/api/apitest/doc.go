// Package apitest tests the HTTP contract: Validate holds real traffic against
// docs/openapi.yaml, and Stack is the whole API over a Store, a Queue and Blobs
// in memory, for tests that need nothing more.
package apitest
