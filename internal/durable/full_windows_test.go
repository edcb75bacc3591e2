package durable_test

import "golang.org/x/sys/windows"

// fullError is what a write gets from the system when the disk is full.
const fullError = windows.ERROR_DISK_FULL
