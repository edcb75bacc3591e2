package lambda

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

// maxLogLine is the length at which a line of output is cut.
const maxLogLine = 8 << 10

// outputGrace limits the wait for the pipe after the process has exited: a process
// that left its group may hold it open.
const outputGrace = time.Second

// output is a pipe that a process writes to, read line by line.
type output struct {
	r, w *os.File
	done chan struct{} // closed when all output has been read
	log  func(line string)
}

func newOutput(log func(line string)) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("create a pipe: %w", err)
	}
	o := &output{r: r, w: w, done: make(chan struct{}), log: log}
	go o.read()
	return o, nil
}

// started must be called once the process has its own copy of the write end.
func (o *output) started() { _ = o.w.Close() }

// close waits for the rest of the output, at most outputGrace.
func (o *output) close() {
	if o == nil {
		return
	}
	_ = o.w.Close() // a second time after started, which is harmless
	timer := time.AfterFunc(outputGrace, func() { _ = o.r.Close() })
	<-o.done
	timer.Stop()
	_ = o.r.Close()
}

func (o *output) read() {
	defer close(o.done)
	lines := bufio.NewReaderSize(o.r, maxLogLine)
	for {
		line, more, err := lines.ReadLine()
		if len(line) > 0 {
			o.log(string(line))
		}
		for more && err == nil { // drop the rest of a long line
			_, more, err = lines.ReadLine()
		}
		if err != nil {
			return
		}
	}
}
