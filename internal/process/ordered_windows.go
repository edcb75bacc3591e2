package process

import (
	"errors"
	"os"
)

// ordered is not supported: pipes can't be polled together.
type ordered struct{ drained chan struct{} }

func newOrdered([2]*os.File) (*ordered, error) { return nil, errors.ErrUnsupported }

func (*ordered) stop() {}

func (*ordered) drain() {}

func (*ordered) close() {}

func (*ordered) read(func(int, []byte)) {}
