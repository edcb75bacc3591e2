package upload

import (
	"sync"

	"github.com/errandhq/errand/internal/manifest"
)

// lengths are those of the chunks that were sent before. They are collected when they are
// needed first.
type lengths func() map[manifest.Hash]int32

func newLengths(last *lastRoot) lengths {
	return sync.OnceValue(func() map[manifest.Hash]int32 {
		all := map[manifest.Hash]int32{}
		if last == nil {
			return all
		}
		for _, p := range last.packs {
			for _, c := range p.chunks {
				all[c.hash] = c.length
			}
		}
		return all
	})
}

// of returns the chunks of a file as the cache knows them, or nil if that doesn't help.
func (l lengths) of(value []byte) (before []manifest.Chunk) {
	hashes := decodeHashes(value)
	if len(hashes) < 2 {
		return nil
	}
	for _, h := range hashes {
		n, ok := l()[h]
		if !ok {
			return nil
		}
		before = append(before, manifest.Chunk{Hash: h, Length: int(n)})
	}
	return before
}
