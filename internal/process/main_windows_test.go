package process_test

import (
	"fmt"
	"os"
	"time"
)

// endSignal is what Go makes of CTRL_BREAK.
var endSignal = os.Interrupt

// terminated is empty: no signal ends a program here.
const terminated = ""

// commandSeparator separates commands on a line of the shell.
const commandSeparator = "& "

// greeter is the name and the content of a program that prints hello.
const greeter, greeting = "greet.bat", "@echo hello\r\n"

// playHere plays the roles that only Windows has.
func playHere(role string) {
	switch role {
	case "quick": // starts a child before anything else, and ends
		start(again("holder"))
	case "holder": // holds a file open, which then can't be removed
		f, err := os.Create("held")
		if err != nil {
			panic(err)
		}
		defer f.Close()
		fmt.Println("ready")
		time.Sleep(long)
	}
}
