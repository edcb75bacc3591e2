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
	// ErrDeletedRecently: the queue was deleted less than a minute ago.
	ErrDeletedRecently = errors.New("deleted recently")
)

// unavailable is the error for a failure of the Store, Queue or Blobs.
func unavailable(op string, err error) error {
	var known *errand.Error
	if errors.As(err, &known) {
		return err
	}
	if isDiskFull(err) {
		return &errand.Error{Code: errand.CodeUnavailable, Message: "the server's disk is full, so it could not " + op + "; its operator must free some space", Cause: err}
	}
	return &errand.Error{Code: errand.CodeUnavailable, Message: "the server could not " + op + "; try again", Cause: err}
}

// isDiskFull reports whether the embedded stack refused a write because its disk is
// full. On AWS there is no such error.
func isDiskFull(err error) bool {
	var coded interface{ ErrorCode() string } // of the AWS SDK
	return errors.As(err, &coded) && coded.ErrorCode() == "InsufficientStorage"
}

func errBusy(what string) error {
	return errand.Errorf(errand.CodeConflict, "%s is being changed by other requests; try again", what)
}
