package control

import (
	"errors"

	"github.com/errandhq/errand"
)

// Errors of the Store, Queue and Blobs. The Service translates them.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrExists: the record exists already.
	ErrExists = errors.New("exists already")
	// ErrConflict: the record has another revision than the write expects.
	ErrConflict = errors.New("changed at the same time")
)

// unavailable is the error for a failure of the Store, Queue or Blobs.
func unavailable(op string, err error) error {
	var known *errand.Error
	if errors.As(err, &known) {
		return err
	}
	return &errand.Error{Code: errand.CodeUnavailable, Message: "the server could not " + op + "; try again", Cause: err}
}

func errBusy(what string) error {
	return errand.Errorf(errand.CodeConflict, "%s is being changed by other requests; try again", what)
}
