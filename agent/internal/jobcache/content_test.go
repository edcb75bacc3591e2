package jobcache_test

import (
	"context"
	"errors"

	"github.com/errandhq/errand/internal/manifest"
)

// chunks is the content of chunks by their hash.
type chunks map[manifest.Hash][]byte

func (c chunks) Chunk(_ context.Context, h manifest.Hash) ([]byte, error) {
	if b, ok := c[h]; ok {
		return b, nil
	}
	return nil, errors.New("no such content")
}

func (c chunks) Length(h manifest.Hash) (int, bool) {
	b, ok := c[h]
	return len(b), ok
}
