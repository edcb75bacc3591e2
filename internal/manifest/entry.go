package manifest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"strings"
	"time"
)

// Kind is the kind of an Entry.
type Kind byte

// The kinds of entries.
const (
	Dir      Kind = 'd'
	File     Kind = 'f'
	Symlink  Kind = 'l'
	HardLink Kind = 'h' // another name of a file that stands before it
)

// An Entry is a file, directory or link of the folder.
type Entry struct {
	Path    string // with slashes, relative to the folder; "." is the folder itself
	Kind    Kind
	Mode    fs.FileMode // permission bits; of directories also ModeSetgid and ModeSticky
	ModTime time.Time
	Size    int64  // of a file: the sum of its chunks' lengths
	Target  string // of a symbolic link: its text; of a hard link: the path of the file
	Chunks  []Hash // of a file, in order
}

// Limits of what a manifest may hold.
const (
	MaxPathBytes = 4096
	// MaxFileChunks is enough for 64 GiB of zeros, whose chunks are the shortest.
	MaxFileChunks = 1 << 18
)

// maxSeconds limits times to 272 years around 1970, which can be expressed in nanoseconds.
const maxSeconds = 1 << 33

// KeptMode returns the bits of m that a manifest keeps.
func KeptMode(m fs.FileMode) fs.FileMode {
	if m.IsDir() {
		return m & (fs.ModePerm | fs.ModeSetgid | fs.ModeSticky)
	}
	return m & fs.ModePerm
}

// appendEntry appends the encoding of e to b.
func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, byte(e.Kind))
	b = appendString(b, e.Path)
	b = binary.AppendUvarint(b, uint64(unixMode(e.Mode)))
	b = binary.AppendVarint(b, min(max(e.ModTime.Unix(), -maxSeconds), maxSeconds))
	b = binary.AppendUvarint(b, uint64(e.ModTime.Nanosecond()))
	switch e.Kind {
	case File:
		b = binary.AppendUvarint(b, uint64(e.Size))
		b = binary.AppendUvarint(b, uint64(len(e.Chunks)))
		for i := range e.Chunks {
			b = append(b, e.Chunks[i][:]...)
		}
	case Symlink, HardLink:
		b = appendString(b, e.Target)
	case Dir:
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Bits of modes as Unix has them.
const (
	unixSetgid = 0o2000
	unixSticky = 0o1000
)

func unixMode(m fs.FileMode) uint32 {
	u := uint32(m.Perm())
	if m&fs.ModeSetgid != 0 {
		u |= unixSetgid
	}
	if m&fs.ModeSticky != 0 {
		u |= unixSticky
	}
	return u
}

func fileMode(u uint64, k Kind) fs.FileMode {
	m := fs.FileMode(u) & fs.ModePerm
	if k != Dir {
		return m
	}
	if u&unixSetgid != 0 {
		m |= fs.ModeSetgid
	}
	if u&unixSticky != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// errDamaged: the bytes are not what a writer of this package writes.
var errDamaged = errors.New("the manifest is damaged")

// DecodePart decodes the entries of a part into yield, in order. It checks each entry's
// form, not its path.
func DecodePart(part []byte, yield func(Entry) error) error {
	d := &decoder{b: part}
	for len(d.b) > 0 {
		e := d.entry()
		if d.err != nil {
			return d.err
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

// decoder reads from the front of b. After an error it returns zero values.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) entry() Entry {
	e := Entry{Kind: Kind(d.byte()), Path: d.string()}
	e.Mode = fileMode(d.uvarint(math.MaxUint32), e.Kind)
	e.ModTime = time.Unix(d.seconds(), int64(d.uvarint(uint64(time.Second-1))))
	switch e.Kind {
	case File:
		e.Size = int64(d.uvarint(math.MaxInt64))
		e.Chunks = d.hashes(MaxFileChunks)
	case Symlink, HardLink:
		e.Target = d.string()
	case Dir:
	default:
		d.fail()
	}
	return e
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errDamaged
	}
	d.b = nil
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) byte() byte {
	b := d.take(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (d *decoder) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > most {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) seconds() int64 {
	v := d.varint()
	if v < -maxSeconds || v > maxSeconds {
		d.fail()
	}
	return v
}

func (d *decoder) string() string { return string(d.take(d.uvarint(MaxPathBytes))) }

func (d *decoder) hashes(most uint64) []Hash {
	n := d.uvarint(most)
	if n*hashBytes > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	all := make([]Hash, n)
	for i := range all {
		copy(all[i][:], d.take(hashBytes))
	}
	return all
}

// Parts cuts a manifest into parts, which it hands to Each.
type Parts struct {
	Each func(part []byte) error
	part []byte
}

// Sizes of parts, in bytes. A part ends behind one in about cutEvery entries, chosen by
// the path, so that added and removed entries leave the other cuts where they are.
const (
	minPartBytes = 8 << 10
	maxPartBytes = 256 << 10
	cutEvery     = 512
)

// Add adds the next entry.
func (p *Parts) Add(e *Entry) error {
	p.part = appendEntry(p.part, e)
	n := len(p.part)
	if n >= maxPartBytes || n >= minPartBytes && crc32.ChecksumIEEE([]byte(e.Path))%cutEvery == 0 {
		return p.Flush()
	}
	return nil
}

// Flush ends the last part.
func (p *Parts) Flush() error {
	if len(p.part) == 0 {
		return nil
	}
	err := p.Each(p.part)
	p.part = p.part[:0]
	return err
}

// Compare orders paths so that a directory stands before what is in it, and that before
// the directory's next neighbour: element by element.
func Compare(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if x, y := a[i], b[i]; x != y {
			return compareByte(x, y)
		}
	}
	return len(a) - len(b)
}

// compareByte orders the slash before all other bytes.
func compareByte(x, y byte) int {
	switch {
	case x == '/':
		return -1
	case y == '/':
		return 1
	}
	return int(x) - int(y)
}

// CheckPath checks that a path is canonical and stays in the folder. It leaves to the
// file system of the worker which names that can store.
func CheckPath(p string) error {
	switch {
	case p == "":
		return errors.New("the name is empty")
	case len(p) > MaxPathBytes:
		return fmt.Errorf("the name has %d bytes, the limit is %d", len(p), MaxPathBytes)
	case strings.ContainsRune(p, 0):
		return fmt.Errorf("the name contains a NUL byte: %w", ErrUnsafe)
	case p[0] == '/':
		return fmt.Errorf("the name is an absolute path: %w", ErrUnsafe)
	case p == ".":
		return nil
	}
	for e := range strings.SplitSeq(p, "/") {
		if e == "" || e == "." || e == ".." {
			return fmt.Errorf("the name contains the element %q: %w", e, ErrUnsafe)
		}
	}
	return nil
}

// ErrUnsafe: the entry could reach files outside of the folder.
var ErrUnsafe = errors.New("unsafe in a manifest")
