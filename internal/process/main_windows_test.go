package process_test

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/windows"

	"github.com/errandhq/errand/internal/process"
)

// endSignal is what Go makes of CTRL_BREAK.
var endSignal = os.Interrupt

// terminated is empty: no signal ends a program here.
const terminated = ""

// commandSeparator separates commands on a line of the shell.
const commandSeparator = "& "

// greeter is the name and the content of a program that prints hello.
const greeter, greeting = "greet.bat", "@echo hello\r\n"

// Programs under consoles are started by this test binary, too.
func init() {
	if len(os.Args) > 1 && os.Args[1] == "console" {
		os.Exit(process.RunOnConsole(os.Args[2:]))
	}
}

// playHere plays the roles that only Windows has.
func playHere(role string) {
	switch role {
	case "console":
		var info windows.ConsoleScreenBufferInfo
		for _, stream := range []int{windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE} {
			h, err := windows.GetStdHandle(uint32(stream)) //nolint:gosec // the constants are negative
			if err == nil {
				err = windows.GetConsoleScreenBufferInfo(h, &info)
			}
			if err != nil {
				fmt.Println("no console: ", err)
				return
			}
		}
		b, err := io.ReadAll(os.Stdin)
		fmt.Printf("console of %dx%d, input %d bytes %v\n", info.Size.X, info.Size.Y, len(b), err)
	case "lines":
		for range 50 {
			fmt.Fprintln(os.Stdout, "out")
			fmt.Fprintln(os.Stderr, "err")
		}
	case "exit":
		fmt.Println("exiting")
		os.Exit(3)
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
