package kv

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/errors"
	"github.com/cockroachdb/pebble/v2"
)

// openError adds to the error of Open, if the store is damaged, what to do.
func openError(dir string, err error) error {
	if pebble.IsCorruptionError(err) {
		return damaged(dir, err)
	}
	return fmt.Errorf("open the store in %s: %w", dir, translate(err))
}

func (s *Store) readError(err error) error {
	if pebble.IsCorruptionError(err) {
		return damaged(s.dir, err)
	}
	return fmt.Errorf("read the store: %w", err)
}

// damaged returns an error with the directory and, from Pebble's error or its
// details, the damaged file's number, which is its name.
func damaged(dir string, err error) error {
	why, _, _ := strings.Cut(err.Error(), "\n")
	if details := errors.GetAllDetails(err); len(details) > 0 {
		why += "; " + strings.Join(details, "; ")
	}
	return fmt.Errorf("the store in %s is damaged (%s): restore the directory from a copy, or move it away to start empty", dir, why)
}
