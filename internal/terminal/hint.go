package terminal

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/errandhq/errand/internal/durable"
)

type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// WithHint adds to err what the user can do about it.
func WithHint(err error, hint string) error { return &hintError{err, hint} }

// HintOf returns what the user can do about err, or "".
func (t *Terminal) HintOf(err error) string {
	var withHint *hintError
	var op *net.OpError
	switch {
	case errors.As(err, &withHint):
		return withHint.hint
	case errors.As(err, &op) && op.Op == "listen":
		return listenHint(op)
	}
	return t.HintFor(err)
}

func listenHint(err error) string {
	var addr *net.AddrError
	var name *net.DNSError
	switch {
	case errors.As(err, &addr) || errors.As(err, &name):
		return "--addr must be host:port, like 127.0.0.1:8080"
	case errors.Is(err, fs.ErrPermission):
		return "ports below 1024 need root; --addr 127.0.0.1:0 selects a free port"
	}
	return "is another server running there? --addr 127.0.0.1:0 selects a free port"
}

// WithDataDirHint adds a hint to an error of making or writing a data directory.
func WithDataDirHint(err error) error {
	var path *fs.PathError
	switch {
	case durable.IsFull(err):
		return WithHint(err, "free some space, or set --data to a directory on another disk")
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission), errors.As(err, &path) && path.Op == "mkdir":
		return WithHint(err, "set --data to a directory that you can write to")
	}
	return err
}
