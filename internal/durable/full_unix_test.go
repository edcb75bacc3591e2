//go:build unix

package durable_test

import "syscall"

// fullError is what a write gets from the system when a user's share is used up.
const fullError = syscall.EDQUOT
