package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// syncedFile is a file of ours in the store's directory. It holds a syncedState.
const syncedFile = "SYNCED"

// syncedState says how much of the latest log and manifest was synced.
type syncedState struct{ log, manifest extent }

// An extent is the first bytes of a numbered file.
type extent struct {
	number uint64
	size   int64
	sum    uint32 // CRC-32C
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	syncedMagic = "errand-1"
	syncedSize  = len(syncedMagic) + 2*(8+8+4) + 4
)

func (s syncedState) encode() []byte {
	b := append(make([]byte, 0, syncedSize), syncedMagic...)
	for _, x := range []extent{s.log, s.manifest} {
		b = binary.BigEndian.AppendUint64(b, x.number)
		b = binary.BigEndian.AppendUint64(b, uint64(x.size))
		b = binary.BigEndian.AppendUint32(b, x.sum)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeSyncedState returns the zero state, against which every store checks
// out, if b is cut off or damaged.
func decodeSyncedState(b []byte) (s syncedState) {
	end := syncedSize - 4
	if len(b) < syncedSize || string(b[:len(syncedMagic)]) != syncedMagic ||
		binary.BigEndian.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return s
	}
	b = b[len(syncedMagic):]
	for _, x := range []*extent{&s.log, &s.manifest} {
		x.number, x.size, x.sum = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), binary.BigEndian.Uint32(b[16:])
		b = b[20:]
	}
	return s
}

func readSyncedState(fs vfs.FS, dir string) (s syncedState, err error) {
	f, err := fs.Open(fs.PathJoin(dir, syncedFile))
	if err != nil {
		return s, err
	}
	b := make([]byte, syncedSize)
	n, _ := f.ReadAt(b, 0) // a short file is decoded as the zero state
	return decodeSyncedState(b[:n]), f.Close()
}

// check returns an error if the log or the manifest in dir has lost or changed
// bytes that were synced. names are dir's files.
func (s syncedState) check(fs vfs.FS, dir string, names []string) error {
	return errors.Join(s.checkLog(fs, dir, names), s.checkManifest(fs, dir, names))
}

// checkLog accepts that the log is missing only if there is a later one: Pebble
// removes a log once its content is in tables.
func (s syncedState) checkLog(fs vfs.FS, dir string, names []string) error {
	var latest uint64
	for _, name := range names {
		n, ok := logNumber(name)
		if !ok {
			continue
		}
		if latest = max(latest, n); n == s.log.number {
			return s.log.check(fs, dir, name)
		}
	}
	if s.log.number > latest {
		return damaged(dir, fmt.Errorf("%06d.log is missing", s.log.number))
	}
	return nil
}

// checkManifest accepts that the manifest is missing: it was replaced, or the
// power was cut before its name was on disk, while the marker still named the
// one before.
func (s syncedState) checkManifest(fs vfs.FS, dir string, names []string) error {
	for _, name := range names {
		if n, ok := manifestNumber(name); ok && n == s.manifest.number {
			return s.manifest.check(fs, dir, name)
		}
	}
	return nil
}

// check compares the beginning of a file with the extent.
func (x extent) check(fs vfs.FS, dir, name string) error {
	f, err := fs.Open(fs.PathJoin(dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, x.size))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	if n < x.size {
		return damaged(dir, fmt.Errorf("%s has %d bytes, and %d were synced", name, n, x.size))
	}
	if sum.Sum32() != x.sum {
		return damaged(dir, fmt.Errorf("the first %d bytes of %s have changed since they were synced", x.size, name))
	}
	return nil
}
