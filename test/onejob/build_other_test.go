//go:build !windows

package onejob

// build is played on Windows only.
func build([]string) error { panic("there is no test that needs it") }
