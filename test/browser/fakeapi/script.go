package fakeapi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/errandhq/errand"
)

// step is what one command of the script does:
//
//	echo TEXT         a line on stdout      err TEXT   a line on stderr
//	exit N            the exit code         hold       waits for /fake/release
//	raw               bytes that are not UTF-8, and colours
//	flood N           N lines               lose       the job fails: lost
//	again             the job goes to its next attempt
//	files             lists the archive's first two bytes
type step struct {
	stdout, stderr string
	exit           int
	hold, lose     bool
	again          bool
}

func parseStep(command string, source []byte) step {
	verb, rest, _ := strings.Cut(command, " ")
	n, _ := strconv.Atoi(rest)
	switch verb {
	case "echo":
		return step{stdout: rest + "\n"}
	case "err":
		return step{stderr: rest + "\n"}
	case "exit":
		return step{exit: n}
	case "hold":
		return step{hold: true}
	case "lose":
		return step{lose: true}
	case "again":
		return step{again: true}
	case "raw":
		return step{stdout: "\xff\xfe \x1b[31mred\x1b[0m <b>bold</b>\n"}
	case "files":
		return step{stdout: fmt.Sprintf("%s, %d bytes\n", source[:min(2, len(source))], len(source))}
	case "flood":
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "line %d\n", i+1)
		}
		return step{stdout: b.String()}
	default:
		return step{stderr: "fake: " + verb + ": not found\n", exit: 127}
	}
}

// output is one stream as a result has it.
func output(s string) errand.Output {
	return errand.Output{Bytes: int64(len(s)), Head: errand.Bytes(s[:min(len(s), errand.OutputHeadBytes)])}
}
