//go:build unix

package process_test

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// endSignal is what asks a program to end.
const endSignal = syscall.SIGTERM

// terminated is how a program ended that does nothing about endSignal.
const terminated = "terminated"

// commandSeparator separates commands on a line of the shell.
const commandSeparator = "; "

// greeter is the name and the content of a program that prints hello.
const greeter, greeting = "greet", "#!/bin/sh\necho hello\n"

// playHere plays the roles that only Unix has.
func playHere(role string) {
	switch role {
	case "escaped": // as orphan, in a session of its own
		cmd := again("sleep")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		start(cmd)
		fmt.Println("parent is done")
	case "suicide":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(long)
	}
}
