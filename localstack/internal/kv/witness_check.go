package kv

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// check holds the log and the manifest to what the witness said of them. names
// are dir's files.
func (t testimony) check(fs vfs.FS, dir string, names []string) error {
	return errors.Join(t.checkLog(fs, dir, names), t.checkManifest(fs, dir, names))
}

// checkLog: a log goes when all in it is in tables, and not before there is a
// later one.
func (t testimony) checkLog(fs vfs.FS, dir string, names []string) error {
	var latest uint64
	for _, name := range names {
		n, ok := logNumber(name)
		if !ok {
			continue
		}
		if latest = max(latest, n); n == t.log.number {
			return t.log.check(fs, dir, name)
		}
	}
	if t.log.number > latest {
		return damaged(dir, fmt.Errorf("%06d.log is missing", t.log.number))
	}
	return nil
}

// checkManifest: one that is gone was replaced, or its name wasn't yet on the
// disk when the power was cut; the marker still named the one before.
func (t testimony) checkManifest(fs vfs.FS, dir string, names []string) error {
	for _, name := range names {
		if n, ok := manifestNumber(name); ok && n == t.manifest.number {
			return t.manifest.check(fs, dir, name)
		}
	}
	return nil
}

// check compares a file with what it began with.
func (p prefix) check(fs vfs.FS, dir, name string) error {
	f, err := fs.Open(fs.PathJoin(dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, p.size))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	if n < p.size {
		return damaged(dir, fmt.Errorf("%s ends at byte %d, and was written up to %d", name, n, p.size))
	}
	if sum.Sum32() != p.sum {
		return damaged(dir, fmt.Errorf("the first %d bytes of %s aren't those that were written", p.size, name))
	}
	return nil
}
