package source

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
)

// MaxListBytes limits what List reads of a folder's uploads. The longest folder that a
// worker takes needs less.
const MaxListBytes = 64 << 20

// List reads what a folder consists of, in the order of paths. It reads only the parts of
// the uploads that say so: of a ZIP its directory, which doesn't have the targets of
// links. The entries have no chunks.
func (f Fetcher) List(ctx context.Context, g *errand.SourceGrant) ([]manifest.Entry, error) {
	budget := int64(MaxListBytes)
	open := func(r errand.SignedRequest) (*ranges, error) { return f.openRanges(ctx, r, &budget) }
	list := listZIP
	if g.Format == errand.FormatManifest {
		list = listManifest
	}
	all, err := list(g, open)
	if err != nil {
		return nil, fmt.Errorf("list the folder: %w", err)
	}
	slices.SortStableFunc(all, func(a, b manifest.Entry) int { return manifest.Compare(a.Path, b.Path) })
	return all, nil
}

type opener func(errand.SignedRequest) (*ranges, error)

func listZIP(g *errand.SourceGrant, open opener) ([]manifest.Entry, error) {
	r, err := open(g.Download)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, r.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is written to these paths
		return nil, err
	}
	if limit := (archive.Limits{}).WithDefaults().MaxFiles; len(z.File) > limit {
		return nil, fmt.Errorf("it has %d entries, the limit is %d: %w", len(z.File), limit, archive.ErrTooLarge)
	}
	all := make([]manifest.Entry, len(z.File))
	for i, f := range z.File {
		mode := f.Mode()
		all[i] = manifest.Entry{Path: strings.TrimSuffix(f.Name, "/"), Kind: manifest.File, Mode: manifest.KeptMode(mode), ModTime: f.Modified}
		switch {
		case mode.IsDir():
			all[i].Kind = manifest.Dir
		case mode&fs.ModeSymlink != 0:
			all[i].Kind = manifest.Symlink
		default:
			all[i].Size = int64(min(f.UncompressedSize64, math.MaxInt64))
		}
	}
	return all, nil
}

func listManifest(g *errand.SourceGrant, open opener) ([]manifest.Entry, error) {
	p := newPacks(Fetcher{}, g, nil)
	p.where = map[manifest.Hash]place{}
	for i, f := range p.files {
		if i > 0 && p.hasAll(p.files[0].index.Tree.Parts) {
			break
		}
		r, err := open(f.request)
		if err != nil {
			return nil, err
		}
		f.r = r
		if f.index, err = manifest.ReadIndex(r, r.size); err != nil {
			return nil, err
		}
		if p.files[0].index.Tree == nil {
			return nil, errNoManifest
		}
		p.addPlaces(i)
	}
	all, err := readEntries(p.files[0].index.Tree, archive.Limits{}.WithDefaults(), func(h manifest.Hash) ([]byte, error) {
		b, _, err := p.chunk(h)
		return b, err
	})
	for i := range all {
		all[i].Chunks = nil
	}
	return all, err
}

func (p *packs) hasAll(chunks []manifest.Hash) bool {
	return !slices.ContainsFunc(chunks, func(h manifest.Hash) bool { _, ok := p.where[h]; return !ok })
}
