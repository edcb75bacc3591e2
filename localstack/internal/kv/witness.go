package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// witnessName is a file of ours in the store's directory.
const witnessName = "SYNCED"

// A witness keeps in a small file how far the store's log and manifest are on
// the disk, and a checksum of that part: what was acknowledged. Pebble takes the
// first thing in them that it can't read for where a power cut ended the last
// write; with the witness, Open can tell that from damage.
//
// It is written after each sync and synced by nobody but Close. So after a power
// cut it may say less than is there, and never more, since the kernel can't have
// it before the sync that it tells of.
type witness struct {
	mu   sync.Mutex
	file vfs.File // nil if it isn't, or can't be, written
	says testimony
	logf func(format string, args ...any)
}

// A testimony is what the witness says of the latest log and manifest.
type testimony struct{ log, manifest prefix }

// A prefix is the first bytes of a numbered file.
type prefix struct {
	number uint64
	size   int64
	sum    uint32 // CRC-32C
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// callWitness holds dir to what its witness says, creates the store in it if
// there is none, and goes on from there. above are the directories to sync then.
func callWitness(dir string, above []string, o Options) (*witness, error) {
	names, err := o.FS.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var says testimony // nothing, if there is none
	if slices.Contains(names, witnessName) {
		if says, err = readTestimony(o.FS, dir); err != nil {
			return nil, fmt.Errorf("read %s in %s: %w", witnessName, dir, err)
		}
	}
	if err := says.check(o.FS, dir, names); err != nil {
		return nil, err
	}
	if !isStore(names) {
		if err := create(dir, above, o); err != nil {
			return nil, err
		}
	}
	if o.NoSync { // what isn't synced isn't told of
		return &witness{}, nil
	}
	f, err := o.FS.OpenReadWrite(o.FS.PathJoin(dir, witnessName), "errand-synced")
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", witnessName, dir, translate(err))
	}
	return &witness{file: f, says: says, logf: o.Logf}, nil
}

// saw notes that a prefix is on the disk. Where that can't be written, what the
// file says stays true: it says no more from then on.
func (w *witness) saw(what *prefix, p prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*what = p
	if w.file == nil {
		return
	}
	if _, err := w.file.WriteAt(w.says.encode(), 0); err != nil {
		logger{w.logf}.Errorf("%s can't be written, damage to the latest writes won't be noticed: %v", witnessName, err)
		_ = w.file.Close() // the error that counts is told
		w.file = nil
	}
}

// close makes durable what was said.
func (w *witness) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	return err
}

const (
	testimonyMagic = "errand-1"
	testimonySize  = len(testimonyMagic) + 2*(8+8+4) + 4
)

func (t testimony) encode() []byte {
	b := append(make([]byte, 0, testimonySize), testimonyMagic...)
	for _, p := range []prefix{t.log, t.manifest} {
		b = binary.BigEndian.AppendUint64(b, p.number)
		b = binary.BigEndian.AppendUint64(b, uint64(p.size))
		b = binary.BigEndian.AppendUint32(b, p.sum)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeTestimony is the zero testimony, which says nothing, for what isn't one.
func decodeTestimony(b []byte) (t testimony) {
	end := testimonySize - 4
	if len(b) < testimonySize || string(b[:len(testimonyMagic)]) != testimonyMagic ||
		binary.BigEndian.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return t
	}
	b = b[len(testimonyMagic):]
	for _, p := range []*prefix{&t.log, &t.manifest} {
		p.number, p.size, p.sum = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), binary.BigEndian.Uint32(b[16:])
		b = b[20:]
	}
	return t
}

// readTestimony is what dir's witness says.
func readTestimony(fs vfs.FS, dir string) (t testimony, err error) {
	f, err := fs.Open(fs.PathJoin(dir, witnessName))
	if err != nil {
		return t, err
	}
	b := make([]byte, testimonySize)
	n, _ := f.ReadAt(b, 0) // what is cut off says nothing
	return decodeTestimony(b[:n]), f.Close()
}
