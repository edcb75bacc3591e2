package kv

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/errors"
	"github.com/cockroachdb/pebble/v2"
)

// openError says what Open failed with and, for damage, what to do.
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

// damaged names the directory. The file's number, which is its name, stands in
// Pebble's error or in its details.
func damaged(dir string, err error) error {
	why, _, _ := strings.Cut(err.Error(), "\n")
	if details := errors.GetAllDetails(err); len(details) > 0 {
		why += "; " + strings.Join(details, "; ")
	}
	return fmt.Errorf("the store in %s is damaged (%s): restore the directory from a copy, or move it away to start empty", dir, why)
}
