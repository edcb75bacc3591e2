package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/restic/chunker"
)

const hashBytes = sha256.Size

// Hash is the SHA-256 of a chunk, a part or a pack.
type Hash [hashBytes]byte

// HashOf returns the hash of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// String is the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHash.
func (h *Hash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseHash(string(b))
	return err
}

// ParseHash is the inverse of Hash.String.
func ParseHash(s string) (h Hash, err error) {
	if n, err := hex.Decode(h[:], []byte(s)); err != nil || n != hashBytes || len(s) != 2*hashBytes {
		return h, errors.New("a hash is 64 hexadecimal digits")
	}
	return h, nil
}

// Sizes of chunks in bytes. Other sizes, or another polynomial, give other chunks: what
// was sent before would be sent again.
const (
	MinChunkBytes = 256 << 10 // a file that is not longer is one chunk
	MaxChunkBytes = 4 << 20
	averageBits   = 20 // an average of 1 MiB

	polynomial = chunker.Pol(0x3DA3358B4DC173)
)

// A Chunker cuts files into chunks where their content says, so that a change in the
// middle of a file changes only the chunks around it.
type Chunker struct {
	begin []byte // of the file
	chunk []byte // of a long file; nil until the first one
}

// NewChunker returns a Chunker, which is for one goroutine.
func NewChunker() *Chunker { return &Chunker{begin: make([]byte, MinChunkBytes)} }

// Cut reads r to its end and hands its chunks to each, which must not keep data.
func (c *Chunker) Cut(r io.Reader, each func(h Hash, data []byte) error) error {
	// Most files are one chunk, for which the chunker's buffers and tables are too much.
	n, err := io.ReadFull(r, c.begin)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return each(HashOf(c.begin[:n]), c.begin[:n])
	case err != nil:
		return err
	}
	return c.cutLong(io.MultiReader(bytes.NewReader(c.begin), r), each)
}

// A Chunk is a piece of a file.
type Chunk struct {
	Hash   Hash
	Length int // in bytes
}

// CutAgain is Cut of a file that had the chunks of before, and may have other content now.
// It gives what Cut gives, and takes less time for what has not changed: where a chunk
// ends depends only on the bytes from its beginning on, so one that is still there needs
// only its hash.
func (c *Chunker) CutAgain(r io.ReaderAt, size int64, before []Chunk, each func(h Hash, data []byte) error) error {
	before = before[:max(0, len(before)-1)] // the last one may end only because the file did
	behind := make(map[Hash][]Chunk, len(before))
	for i := range before {
		behind[before[i].Hash] = before[i+1:]
	}
	at := int64(0)
	emit := func(h Hash, data []byte) error {
		at += int64(len(data))
		return each(h, data)
	}
	for at < size {
		if err := c.repeat(r, &at, size, before, emit); err != nil {
			return err
		}
		before = nil
		err := c.cutLong(io.NewSectionReader(r, at, size-at), func(h Hash, data []byte) error {
			if err := emit(h, data); err != nil {
				return err
			}
			if before = behind[h]; len(before) > 0 {
				return errKnown
			}
			return nil
		})
		if !errors.Is(err, errKnown) {
			return err
		}
	}
	return nil
}

// errKnown: the chunk that comes next is known.
var errKnown = errors.New("known")

// repeat hands the chunks that are where they were to emit, which moves at.
func (c *Chunker) repeat(r io.ReaderAt, at *int64, size int64, before []Chunk, emit func(h Hash, data []byte) error) error {
	for _, b := range before {
		if b.Length < MinChunkBytes || b.Length > MaxChunkBytes || int64(b.Length) > size-*at {
			return nil
		}
		if c.chunk == nil {
			c.chunk = make([]byte, MaxChunkBytes)
		}
		data := c.chunk[:b.Length]
		if _, err := r.ReadAt(data, *at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		h := HashOf(data)
		if h != b.Hash {
			return nil
		}
		if err := emit(h, data); err != nil {
			return err
		}
	}
	return nil
}

// readBytes is how much of a long file is read at a time.
const readBytes = 128 << 10

func (c *Chunker) cutLong(r io.Reader, each func(h Hash, data []byte) error) error {
	if c.chunk == nil {
		c.chunk = make([]byte, MaxChunkBytes)
	}
	b := c.chunk
	seen, have, atEnd := 0, 0, false // bytes in which no chunk ends, and in b
	for !atEnd {
		n, err := io.ReadFull(r, b[have:min(have+readBytes, len(b))])
		if atEnd = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !atEnd {
			return err
		}
		have += n
		for end := findEnd(b[:have], seen); end > 0; end = findEnd(b[:have], 0) {
			if err := each(HashOf(b[:end]), b[:end]); err != nil {
				return err
			}
			have = copy(b, b[end:have])
		}
		seen = have
	}
	if have == 0 {
		return nil
	}
	return each(HashOf(b[:have]), b[:have])
}

// findEnd returns where the chunk at the beginning of b ends; 0 if that is not in b. The caller
// knows that it does not end in the first seen bytes.
func findEnd(b []byte, seen int) int {
	from := max(MinChunkBytes, seen+1)
	if from > len(b) {
		return 0
	}
	if end := rabinTables().findCut(b, from, len(b)); end > 0 {
		return end
	}
	if len(b) == MaxChunkBytes {
		return MaxChunkBytes
	}
	return 0
}
