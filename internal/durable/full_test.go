package durable_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/errandhq/errand/internal/durable"
)

func TestIsFull(t *testing.T) {
	for err, want := range map[error]bool{fullError: true, syscall.ENOSPC: true, syscall.EACCES: false, fs.ErrNotExist: false} {
		if got := durable.IsFull(errors.Join(errors.New("write"), &fs.PathError{Op: "write", Path: "x", Err: err})); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
