package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// cacheMagic begins a cache file behind its sum. It changes with the form.
const cacheMagic = "errand cache 2\n"

// identityBytes is the length of an identity in a cache file.
const identityBytes = 5 * 8

// encode returns the content of a cache file:
//
//	sum of the rest, magic
//	Key, Whole, State          byte strings follow their length
//	number of entries, and of each: path, identity, value
func (c *cacheContent) encode() []byte {
	b := make([]byte, sha256.Size, 256+len(c.Whole)+len(c.State)+len(c.Entries)*160)
	b = append(append(b, cacheMagic...), c.Key[:]...)
	b = appendBytes(appendBytes(b, c.Whole), c.State)
	b = binary.AppendUvarint(b, uint64(len(c.Entries)))
	for path, e := range c.Entries {
		b = append(binary.AppendUvarint(b, uint64(len(path))), path...)
		i := &e.Identity
		for _, n := range [...]uint64{uint64(i.Size), uint64(i.ModTime), uint64(i.ChangeTime), i.Device, i.Inode} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		b = appendBytes(b, e.Value)
	}
	sum := sha256.Sum256(b[sha256.Size:])
	copy(b, sum[:])
	return b
}

func appendBytes(b, v []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(v))), v...) }

// decodeCache is the inverse of encode. What is damaged, or of another version, is empty.
func decodeCache(b []byte) (c cacheContent) {
	if len(b) < sha256.Size {
		return c
	}
	rest := b[sha256.Size:]
	if sha256.Sum256(rest) != [sha256.Size]byte(b) || !bytes.HasPrefix(rest, []byte(cacheMagic)) {
		return c
	}
	d := cacheDecoder{b: rest[len(cacheMagic):]}
	copy(c.Key[:], d.take(sha256.Size))
	c.Whole, c.State = d.bytes(), d.bytes()
	n := d.uvarint()
	c.Entries = make(map[string]cached, min(n, uint64(len(d.b)/identityBytes)))
	for range n {
		path := string(d.bytes())
		e := cached{Identity: d.identity(), Value: d.bytes()}
		if d.failed {
			return cacheContent{}
		}
		c.Entries[path] = e
	}
	return c
}

// cacheDecoder reads from the front of b. After an error it returns zero values.
type cacheDecoder struct {
	b      []byte
	failed bool
}

func (d *cacheDecoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.b, d.failed = nil, true
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *cacheDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.failed = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes returns nil if there are none.
func (d *cacheDecoder) bytes() []byte {
	if n := d.uvarint(); n > 0 {
		return d.take(n)
	}
	return nil
}

func (d *cacheDecoder) identity() (i identity) {
	b := d.take(identityBytes)
	if b == nil {
		return i
	}
	n := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at*8:]) }
	return identity{Size: int64(n(0)), ModTime: int64(n(1)), ChangeTime: int64(n(2)), Device: n(3), Inode: n(4)}
}
