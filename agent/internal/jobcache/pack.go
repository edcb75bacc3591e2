package jobcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/artifact"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/meter"
)

// A Packed is a cache in packs, as files that are named by their SHA-256.
type Packed struct {
	Cache int              `json:"cache"` // its number among the job's
	Key   string           `json:"key"`
	Dir   string           `json:"dir"`
	Packs []errand.Content `json:"packs"` // the root last
	Files int              `json:"files"`
	Bytes int64            `json:"bytes"`
}

// PackBytes is the size of the packs.
func (p *Packed) PackBytes() (n int64) {
	for _, c := range p.Packs {
		n += c.Size
	}
	return n
}

// ErrNothing: none of a cache's paths exists.
var ErrNothing = errors.New("none of its paths exists")

// Pack packs the paths of a cache into a directory, which it creates. What isn't a file, a
// folder or a link is left out. After an error the directory has a part of it. m counts
// what is packed; nil: nobody asks. Errors: ErrNothing; archive.ErrTooLarge.
func Pack(ctx context.Context, dirs Dirs, c *errand.Cache, to string, m *meter.Meter) (*Packed, error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, err
	}
	p := &packer{ctx: ctx, meter: m, dir: to, chunker: manifest.NewChunker(), seen: map[manifest.Hash]bool{}, out: &Packed{Dir: to}}
	defer p.close()
	p.parts.Each = func(part []byte) error {
		h := manifest.HashOf(part)
		p.tree.Parts, p.fresh = append(p.tree.Parts, h), append(p.fresh, bytes.Clone(part))
		return nil
	}
	if err := p.add(&manifest.Entry{Path: ".", Kind: manifest.Dir, Mode: 0o755 | fs.ModeDir, ModTime: time.Unix(0, 0)}); err != nil {
		return nil, err
	}
	for i, name := range c.Paths {
		if err := p.path(dirs, entryName(i), name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.tree.Entries == 1 {
		return nil, ErrNothing
	}
	return p.out, p.finish()
}

// Packs of a cache, before they are compressed.
const (
	packBytes  = 64 << 20
	packChunks = manifest.MaxPackChunks / 2
	smallBytes = 4 << 20 // of contents that go into the root
)

// packer makes packs.
type packer struct {
	ctx     context.Context
	meter   *meter.Meter
	dir     string
	out     *Packed
	chunker *manifest.Chunker
	seen    map[manifest.Hash]bool
	parts   manifest.Parts
	tree    manifest.Tree
	fresh   [][]byte // parts of the manifest

	pack *manifest.Packer // nil: none has begun
	file *os.File         // that it writes
}

func (p *packer) close() {
	if p.file != nil {
		_ = p.file.Close() // after an error
	}
}

// path adds a path of the cache, if it exists.
func (p *packer) path(dirs Dirs, entry, name string) error {
	root, rel, err := dirs.open(name)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // opened for reading
	dir, base := splitPath(rel)
	parent, err := root.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = parent.Close() }()
	info, err := parent.Lstat(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return errors.New("it is a symbolic link; name what it points to")
	}
	return p.entry(parent, base, entry, 1)
}

// entry adds what has a name in a directory.
func (p *packer) entry(parent *os.Root, name, entry string, depth int) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	info, err := parent.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // something still runs that removed it
	}
	if err != nil {
		return err
	}
	e := &manifest.Entry{Path: entry, Mode: manifest.KeptMode(info.Mode()), ModTime: info.ModTime()}
	switch {
	case info.IsDir():
		return p.folder(parent, name, e, depth)
	case info.Mode().IsRegular():
		return p.regular(parent, name, e)
	case info.Mode()&fs.ModeSymlink != 0:
		if e.Target, err = parent.Readlink(name); err != nil {
			return err
		}
		e.Kind, e.Target = manifest.Symlink, filepath.ToSlash(e.Target)
		return p.add(e)
	}
	return nil
}

func (p *packer) folder(parent *os.Root, name string, e *manifest.Entry, depth int) error {
	if depth >= errand.MaxArtifactDepth {
		return fmt.Errorf("%q: %w: it is more than %d folders deep", e.Path, archive.ErrTooLarge, errand.MaxArtifactDepth)
	}
	e.Kind = manifest.Dir
	if err := p.add(e); err != nil {
		return err
	}
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // opened for reading
	list, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, d := range list {
		if err := p.entry(dir, d.Name(), e.Path+"/"+d.Name(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) regular(parent *os.Root, name string, e *manifest.Entry) error {
	f, err := parent.OpenFile(name, os.O_RDONLY|artifact.NonBlocking, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, fmt.Errorf("%q was replaced while it was packed", e.Path))
	}
	e.Kind = manifest.File
	err = p.chunker.Cut(f, func(h manifest.Hash, data []byte) error {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		p.meter.Add(int64(len(data)))
		e.Size, e.Chunks = e.Size+int64(len(data)), append(e.Chunks, h)
		if p.tree.Bytes+e.Size > errand.MaxCacheBytes {
			return fmt.Errorf("the cache has more than %d bytes: %w", int64(errand.MaxCacheBytes), archive.ErrTooLarge)
		}
		return p.chunk(h, data)
	})
	if err != nil {
		return err
	}
	return p.add(e)
}

func (p *packer) add(e *manifest.Entry) error {
	if p.tree.Entries++; p.tree.Entries > archive.DefaultMaxFiles {
		return fmt.Errorf("the cache has more than %d files and folders: %w", archive.DefaultMaxFiles, archive.ErrTooLarge)
	}
	if e.Kind != manifest.Dir {
		p.out.Files++
	}
	p.tree.Bytes += e.Size
	p.out.Bytes = p.tree.Bytes
	return p.parts.Add(e)
}

// chunk adds a chunk to a pack, unless one has it.
func (p *packer) chunk(h manifest.Hash, data []byte) error {
	if p.seen[h] {
		return nil
	}
	p.seen[h] = true
	if err := p.begin(); err != nil {
		return err
	}
	p.pack.Add(h, bytes.Clone(data))
	if p.pack.Bytes() < packBytes && p.pack.Len() < packChunks {
		return nil
	}
	return p.end(nil)
}

func (p *packer) begin() (err error) {
	if p.pack != nil {
		return nil
	}
	if p.file, err = os.CreateTemp(p.dir, "pack-"); err != nil {
		return err
	}
	p.pack = &manifest.Packer{Out: p.file}
	return nil
}

// end finishes a pack. tree makes it the root.
func (p *packer) end(tree *manifest.Tree) error {
	made, err := p.pack.Finish(tree)
	file := p.file
	p.pack, p.file = nil, nil
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if len(p.out.Packs) > errand.MaxPacks {
		return fmt.Errorf("the cache has more than %d packs: %w", errand.MaxPacks, archive.ErrTooLarge)
	}
	p.out.Packs = append(p.out.Packs, errand.Content{SHA256: made.Hash.String(), Size: made.Size})
	return os.Rename(file.Name(), filepath.Join(p.dir, made.Hash.String()))
}

// finish makes the root, with contents that wait for a pack if they are small.
func (p *packer) finish() error {
	if err := p.parts.Flush(); err != nil {
		return err
	}
	if p.pack != nil && p.pack.Bytes() > smallBytes {
		if err := p.end(nil); err != nil {
			return err
		}
	}
	if err := p.begin(); err != nil {
		return err
	}
	for i, part := range p.fresh {
		if h := p.tree.Parts[i]; !p.seen[h] {
			p.seen[h] = true
			p.pack.Add(h, part)
		}
	}
	return p.end(&p.tree)
}
