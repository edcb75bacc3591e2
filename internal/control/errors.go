package control

import (
	"errors"

	"github.com/errandhq/errand"
)

// What the Store, Queue and Blobs answer; the Service turns them into Errors.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrExists: the record to be created is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict: the record isn't at the revision that the write was made for.
	ErrConflict = errors.New("changed at the same time")
)

// unavailable is the error for a Store, Queue or Blobs that failed.
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
