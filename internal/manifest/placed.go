package manifest

import (
	"encoding/binary"
	"math"
)

// EncodePlaced encodes what Sync returned.
func EncodePlaced(all map[string]Placed) []byte {
	b := make([]byte, hashBytes, hashBytes+len(all)*128)
	b = binary.AppendUvarint(b, uint64(len(all)))
	for path, p := range all {
		b = appendString(append(b, byte(p.Kind)), path)
		if p.Kind != File {
			continue
		}
		b = append(b, p.Content[:]...)
		b = binary.AppendUvarint(b, uint64(p.Size))
		b = binary.AppendVarint(b, p.Modified)
		b = binary.AppendVarint(b, p.Changed)
	}
	sum := HashOf(b[hashBytes:])
	copy(b, sum[:])
	return b
}

// DecodePlaced is the inverse of EncodePlaced.
func DecodePlaced(b []byte) (all map[string]Placed, err error) {
	if len(b) < hashBytes || HashOf(b[hashBytes:]) != Hash(b[:hashBytes]) {
		return nil, errDamaged
	}
	d := &decoder{b: b[hashBytes:]}
	n := d.uvarint(uint64(len(b)))
	all = make(map[string]Placed, min(n, 1<<17)) // a job may have written n
	for range n {
		p := Placed{Kind: Kind(d.byte())}
		path := d.string()
		if p.Kind == File {
			copy(p.Content[:], d.take(hashBytes))
			p.Size, p.Modified, p.Changed = int64(d.uvarint(math.MaxInt64)), d.varint(), d.varint()
		}
		if d.err != nil {
			return nil, d.err
		}
		all[path] = p
	}
	if d.err != nil || len(d.b) > 0 {
		return nil, errDamaged
	}
	return all, nil
}
