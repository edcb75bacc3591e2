package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// startTime limits how long a supervisor may take to start, and how long it waits for
// its predecessor's end.
const startTime = 30 * time.Second

// Start starts the supervisor of a slot, as a process of its own, and connects to it.
// command is a program and arguments that call Main with the two arguments that follow.
func Start(ctx context.Context, command []string, data string, slot int) (*Client, error) {
	c, err := start(ctx, command, data, slot)
	if err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	return c, nil
}

func start(ctx context.Context, command []string, data string, slot int) (*Client, error) {
	d := dirOf(data, slot)
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	stderr, err := os.Create(d.join("stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], data, strconv.Itoa(slot))...)
	cmd.Dir, cmd.Env, cmd.Stderr = string(d), environment(), stderr
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	err = awaitReady(ctx, stdout)
	go func() {
		_ = cmd.Wait() // the connection's end says what matters
		close(exited)
	}()
	if err != nil {
		_ = cmd.Process.Kill()
		<-exited
		said, _ := os.ReadFile(d.join("stderr")) // only for the message
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	c, err := d.dial(ctx, startTime)
	if err != nil {
		_ = cmd.Process.Kill()
		<-exited
		return nil, err
	}
	c.exited = exited
	return c, nil
}

// ready is what a supervisor writes to stdout when it listens.
const ready = "ready\n"

// awaitReady waits for ready, or the supervisor's end.
func awaitReady(ctx context.Context, stdout io.Reader) error {
	result := make(chan error, 1)
	go func() {
		b := make([]byte, len(ready))
		_, err := io.ReadFull(stdout, b)
		if err == nil && string(b) != ready {
			err = fmt.Errorf("it said %q", b)
		}
		result <- err
	}()
	limit := time.NewTimer(startTime)
	defer limit.Stop()
	select {
	case err := <-result:
		if errors.Is(err, io.EOF) {
			return errGone
		}
		return err
	case <-limit.C:
		return errors.New("it takes too long")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ErrNone: no supervisor lives in the slot.
var ErrNone = errors.New("the slot has no supervisor")

// Attach connects to the living supervisor of a slot. Errors: ErrNone; others, if it
// doesn't answer.
func Attach(ctx context.Context, data string, slot int) (*Client, error) {
	d := dirOf(data, slot)
	c, err := d.dial(ctx, answerTime)
	if err == nil {
		return c, nil
	}
	free, lockErr := d.isFree()
	if free {
		return nil, ErrNone
	}
	return nil, errors.Join(err, lockErr)
}
