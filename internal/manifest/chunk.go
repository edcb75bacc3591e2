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
	c     *chunker.Chunker // nil until the first long file
	begin []byte           // of the file
	chunk []byte           // of a long file
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

func (c *Chunker) cutLong(r io.Reader, each func(h Hash, data []byte) error) error {
	if c.c == nil {
		c.c = chunker.NewWithBoundaries(r, polynomial, MinChunkBytes, MaxChunkBytes)
		c.chunk = make([]byte, MaxChunkBytes)
	} else {
		c.c.ResetWithBoundaries(r, polynomial, MinChunkBytes, MaxChunkBytes)
	}
	c.c.SetAverageBits(averageBits)
	for {
		chunk, err := c.c.Next(c.chunk)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(HashOf(chunk.Data), chunk.Data); err != nil {
			return err
		}
	}
}
