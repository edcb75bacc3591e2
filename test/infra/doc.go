// Package infra checks what is in infra/ as far as it can be without AWS,
// macOS or Windows.
package infra
