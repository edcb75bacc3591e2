// Package crash holds the test that kills the embedded stack under load, again
// and again, and checks what is left against what it had acknowledged.
package crash
