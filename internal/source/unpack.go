package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
)

// Target says where and how a source is unpacked.
type Target struct {
	Dir     string // the job's work folder
	Scratch string // a directory for what is removed at the end
	Limits  archive.Limits
	Cache   *Cache // of packs; nil: they are downloaded into Scratch
	// Kept is what Dir holds from earlier jobs; nil: Dir is new.
	Kept *Kept
	// Stage is called when fetching and unpacking begin. Nil: it is not.
	Stage func(name string)
}

// Kept is a folder that stays for later jobs. Its source must be a manifest.
type Kept struct {
	Root   *os.Root
	Placed map[string]manifest.Placed // what was sent of it; Unpack sets it
	Begin  func() error               // is called before anything in it changes
}

// The stages of Unpack, for people.
const (
	StageFetch  = "fetching the folder"
	StageUnpack = "unpacking the folder"
)

func (t *Target) begin(stage string) {
	if t.Stage != nil {
		t.Stage(stage)
	}
}

// Unpack fetches a source and unpacks it. After an error the target's directories hold
// parts of it.
func (f Fetcher) Unpack(ctx context.Context, g *errand.SourceGrant, to Target) (archive.Stats, error) {
	if to.Kept != nil && g.Format != errand.FormatManifest {
		return archive.Stats{}, fmt.Errorf("a workspace requires a source of the format %s", errand.FormatManifest)
	}
	if err := checkRoom(to.Dir, g.UnpackedBytes); err != nil && to.Kept == nil {
		return archive.Stats{}, err
	}
	to.begin(StageFetch)
	if g.Format == errand.FormatManifest {
		return f.unpackManifest(ctx, g, to)
	}
	zip := filepath.Join(to.Scratch, "source.zip")
	f.Meter.Start(g.Size)
	if err := f.Fetch(ctx, g, zip); err != nil {
		return archive.Stats{}, err
	}
	f.Meter.Start(0)
	to.begin(StageUnpack)
	st, err := archive.Unpack(ctx, zip, to.Dir, to.Limits, f.Meter)
	if err != nil {
		return st, err
	}
	if err := os.Remove(zip); err != nil {
		return st, fmt.Errorf("remove the archive after unpacking: %w", err)
	}
	return st, nil
}

// checkRoom fails if the disk of dir, or of the directory above it, has no room for n
// bytes.
func checkRoom(dir string, n int64) error {
	free, err := DiskSpace(filepath.Dir(dir))
	if err != nil || n <= free {
		return nil //nolint:nilerr // where the system doesn't say, writing will
	}
	return fmt.Errorf("the folder has %d bytes, and the disk of this worker has %d left: %w", n, free, errNoSpace)
}

func (f Fetcher) unpackManifest(ctx context.Context, g *errand.SourceGrant, to Target) (archive.Stats, error) {
	m, err := f.Open(ctx, g, to)
	if err != nil {
		return archive.Stats{}, err
	}
	defer m.Close()
	need := m.Bytes()
	if to.Kept != nil {
		need = manifest.ChangedBytes(m.Entries, to.Kept.Placed)
	}
	if err := checkRoom(to.Dir, need); err != nil {
		return archive.Stats{}, err
	}
	m.CountReads(need)
	to.begin(StageUnpack)
	u := manifest.Unpacker{Limits: to.Limits, Now: time.Now(), Content: m}
	var st archive.Stats
	if to.Kept != nil {
		if err := to.Kept.Begin(); err != nil {
			return archive.Stats{}, err
		}
		to.Kept.Placed, st, err = u.Sync(ctx, m.Entries, to.Kept.Root, to.Kept.Placed)
	} else {
		st, err = u.Unpack(ctx, m.Entries, to.Dir)
	}
	if err != nil {
		return st, fmt.Errorf("unpack the folder: %w", err)
	}
	return st, nil
}

// A Manifest is one whose packs are on this machine. It is the manifest.Content of its
// entries.
type Manifest struct {
	*packs
	Entries []manifest.Entry
	done    func()
}

// Open fetches the packs of a manifest and reads it.
func (f Fetcher) Open(ctx context.Context, g *errand.SourceGrant, to Target) (*Manifest, error) {
	cache := to.Cache
	m := &Manifest{done: func() { cache.trim(0) }}
	if cache == nil {
		cache = &Cache{Dir: filepath.Join(to.Scratch, "packs"), MaxBytes: maxInt64}
		m.done = func() { _ = os.RemoveAll(cache.Dir) } // goes with the scratch directory at the latest
	}
	m.packs = newPacks(f, g, cache)
	err := m.open(ctx)
	if err == nil {
		if m.Entries, err = m.entries(ctx, to.Limits.WithDefaults()); err != nil {
			err = fmt.Errorf("read the manifest: %w", err)
		}
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// CountReads has the fetcher's meter count what is read, of total bytes.
func (m *Manifest) CountReads(total int64) {
	m.reading, m.fetcher.Meter = m.fetcher.Meter, nil
	m.reading.Start(total)
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() int64 { return size(m.Entries) }

// Close closes the packs.
func (m *Manifest) Close() {
	m.close()
	m.done()
}

func size(entries []manifest.Entry) (n int64) {
	for i := range entries {
		if n += entries[i].Size; n < 0 {
			return maxInt64
		}
	}
	return n
}

// errNoManifest: the root that the job names is not one.
var errNoManifest = errors.New("the pack that the job names is not the root of a manifest")

// entries reads the manifest.
func (p *packs) entries(ctx context.Context, l archive.Limits) ([]manifest.Entry, error) {
	tree := p.files[0].index.Tree
	if tree == nil {
		return nil, errNoManifest
	}
	return readEntries(tree, l, func(h manifest.Hash) ([]byte, error) { return p.Chunk(ctx, h) })
}

// readEntries reads the entries of a manifest from its parts.
func readEntries(tree *manifest.Tree, l archive.Limits, read func(manifest.Hash) ([]byte, error)) ([]manifest.Entry, error) {
	if tree.Entries > l.MaxFiles {
		return nil, fmt.Errorf("it has %d entries, the limit is %d: %w", tree.Entries, l.MaxFiles, archive.ErrTooLarge)
	}
	all := make([]manifest.Entry, 0, tree.Entries)
	chunks := l.MaxBytes/manifest.MinChunkBytes + int64(tree.Entries) // that files of the limit can have
	for _, h := range tree.Parts {
		part, err := read(h)
		if err != nil {
			return nil, err
		}
		err = manifest.DecodePart(part, func(e manifest.Entry) error {
			if len(all) == tree.Entries {
				return errors.New("it has more entries than it says")
			}
			if chunks -= int64(len(e.Chunks)); chunks < 0 {
				return fmt.Errorf("its files have more chunks than the limit of their size allows: %w", archive.ErrTooLarge)
			}
			all = append(all, e)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(all) < tree.Entries {
		return nil, errors.New("it has fewer entries than it says")
	}
	return all, nil
}
