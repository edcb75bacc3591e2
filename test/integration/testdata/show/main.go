// Command show is what a direct job of this test runs: it needs no shell, which
// the stack's image doesn't have.
package main

import (
	"io"
	"os"
)

func main() {
	f, err := os.Open("a.txt")
	if err == nil {
		_, err = io.Copy(os.Stdout, f)
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Exit(7)
}
