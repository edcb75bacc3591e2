package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/meter"
)

// downloads is how many packs of a job are downloaded at a time.
const downloads = 4

// packs are the packs of one job, the root first. They are the manifest.Content.
type packs struct {
	fetcher Fetcher
	cache   *Cache
	owner   string
	size    int64        // of all
	reading *meter.Meter // of what Chunk returns; nil: nobody asks

	// mu is held for reading while packs are read, and for writing while they are
	// opened.
	mu         sync.RWMutex
	files      []*packFile
	where      map[manifest.Hash]place
	generation int // counts openings

	frames frameCache
}

type packFile struct {
	object
	isRoot bool
	file   *os.File    // nil: not open
	r      io.ReaderAt // its content
	index  *manifest.Index
}

// place is where a chunk is.
type place struct{ pack, frame, chunk int }

func newPacks(f Fetcher, g *errand.SourceGrant, c *Cache) *packs {
	p := &packs{fetcher: f, cache: c, owner: g.Owner, size: g.Size}
	p.files = append(p.files, &packFile{object: object{request: g.Download, sha256: g.SHA256, unchecked: true}, isRoot: true})
	for i, sha256 := range g.Packs {
		p.files = append(p.files, &packFile{object: object{request: g.Downloads[i], sha256: sha256, unchecked: true}})
	}
	return p
}

func (p *packs) close() {
	for _, f := range p.files {
		f.close()
	}
}

func (f *packFile) close() {
	if f.file != nil {
		_ = f.file.Close() // opened for reading
		f.file = nil
	}
}

// open opens all packs, and downloads those that aren't there.
func (p *packs) open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing, here := false, int64(0)
	for _, f := range p.files {
		size, ok := p.cache.use(p.owner, f.sha256)
		missing, here = missing || !ok, here+size
	}
	if missing {
		p.cache.trim(p.size)
	}
	p.fetcher.Meter.Start(max(0, p.size-here))
	return p.openAll(ctx)
}

func (p *packs) openAll(ctx context.Context) error {
	if err := p.openFiles(ctx); err != nil {
		return err
	}
	p.generation++
	p.frames.clear()
	p.where = map[manifest.Hash]place{}
	for i := range p.files {
		p.addPlaces(i)
	}
	return nil
}

func (p *packs) addPlaces(pack int) {
	for j, f := range p.files[pack].index.Frames {
		for k, h := range f.Chunks {
			p.where[h] = place{pack, j, k}
		}
	}
}

// openFiles opens the packs that aren't open, some at a time.
func (p *packs) openFiles(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	slots := make(chan struct{}, downloads)
	var work sync.WaitGroup
	for _, f := range p.files {
		if f.file != nil {
			continue
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			if err := p.openFile(ctx, f); err != nil {
				fail(err)
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

// openFile opens a pack. One that has no readable index is downloaded again.
func (p *packs) openFile(ctx context.Context, f *packFile) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer p.cache.lock(p.owner, f.sha256)()
	if p.openCached(f) == nil {
		return nil
	}
	if err := p.download(ctx, f); err != nil {
		return err
	}
	err = p.openCached(f)
	if err == nil || !p.isChanged(f) {
		return err
	}
	if err := p.download(ctx, f); err != nil {
		return err
	}
	return p.openCached(f)
}

// download downloads a pack. Its hash is computed only if an earlier one was found to be
// another: all that is read of a pack is checked anyway.
func (p *packs) download(ctx context.Context, f *packFile) error {
	return p.cache.put(p.owner, f.sha256, func(path string) error { return p.fetcher.fetchObject(ctx, f.object, path) })
}

func (p *packs) openCached(f *packFile) (err error) {
	if f.file, err = p.cache.open(p.owner, f.sha256); err != nil {
		return err
	}
	if err = f.read(); err != nil {
		f.close()
	}
	return err
}

// isChanged reports whether the pack in the cache is not what its name says. Then the next
// download is checked as a whole.
func (p *packs) isChanged(f *packFile) bool {
	sum := ""
	file, err := p.cache.open(p.owner, f.sha256)
	if err == nil {
		sum, err = hashOf(file)
		_ = file.Close() // opened for reading
	}
	if err == nil && sum == f.sha256 {
		return false
	}
	f.unchecked = false
	return true
}

// maxRootBytes is enough for the parts of a manifest of the most entries, and what a
// client adds to it.
const maxRootBytes = 128 << 20

// read reads the index. A root is read as a whole and its hash checked, because its tree
// is what says which hashes the rest must have.
func (f *packFile) read() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.r = f.file
	if f.isRoot {
		if f.r, err = f.readRoot(info.Size()); err != nil {
			return err
		}
	}
	f.index, err = manifest.ReadIndex(f.r, info.Size())
	return err
}

func (f *packFile) readRoot(size int64) (io.ReaderAt, error) {
	if size > maxRootBytes {
		return nil, fmt.Errorf("the root of the manifest has %d bytes, the limit is %d", size, maxRootBytes)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f.file, b); err != nil {
		return nil, err
	}
	if manifest.HashOf(b).String() != f.sha256 {
		return nil, errors.New("the root of the manifest has changed")
	}
	return bytes.NewReader(b), nil
}

// errNoChunk: the sender's fault, if all packs are what they were when they were sent.
var errNoChunk = errors.New("no pack of the job has the content")

// Chunk implements manifest.Content. If a pack isn't what it was, it is downloaded again:
// jobs run as the user who owns the cache.
func (p *packs) Chunk(ctx context.Context, h manifest.Hash) ([]byte, error) {
	b, generation, err := p.chunk(h)
	if err == nil {
		p.reading.Add(int64(len(b)))
		return b, nil
	}
	if err := p.replaceChanged(ctx, generation); err != nil {
		return nil, err
	}
	b, _, err = p.chunk(h)
	return b, err
}

// Length implements manifest.Content.
func (p *packs) Length(h manifest.Hash) (n int, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	at, ok := p.where[h]
	if !ok {
		return 0, false
	}
	starts := p.files[at.pack].index.Frames[at.frame].Starts
	return starts[at.chunk+1] - starts[at.chunk], true
}

func (p *packs) chunk(h manifest.Hash) (b []byte, generation int, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	at, ok := p.where[h]
	if !ok {
		return nil, p.generation, fmt.Errorf("%w with the hash %s", errNoChunk, h)
	}
	f := &p.files[at.pack].index.Frames[at.frame]
	raw, err := p.frames.get(at.pack, at.frame, func() ([]byte, error) { return f.Read(p.files[at.pack].r) })
	if err != nil {
		return nil, p.generation, err
	}
	b = raw[f.Starts[at.chunk]:f.Starts[at.chunk+1]]
	if manifest.HashOf(b) != h {
		return nil, p.generation, fmt.Errorf("%w: a pack has something else in its place", errNoChunk)
	}
	return b, p.generation, nil
}

// replaceChanged replaces the packs whose content isn't what their name says, unless that
// was done since the generation.
func (p *packs) replaceChanged(ctx context.Context, generation int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation != generation {
		return nil
	}
	for _, f := range p.files {
		if !f.unchanged() {
			f.close()
			p.cache.remove(p.owner, f.sha256)
			f.unchecked = false
		}
	}
	return p.openAll(ctx)
}

func (f *packFile) unchanged() bool {
	if f.isRoot { // it is checked when it is read
		return true
	}
	sum, err := hashOf(io.NewSectionReader(f.file, 0, maxInt64))
	return err == nil && sum == f.sha256
}

// frameCache keeps the last frames that were read: neighbouring files share one.
type frameCache struct {
	mu   sync.Mutex
	last []*cachedFrame // the latest last
}

type cachedFrame struct {
	pack, frame int
	read        func() ([]byte, error)
}

const keptFrames = 8

func (c *frameCache) get(pack, frame int, read func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	i := slices.IndexFunc(c.last, func(f *cachedFrame) bool { return f.pack == pack && f.frame == frame })
	var f *cachedFrame
	switch {
	case i >= 0:
		f = c.last[i]
	case len(c.last) == keptFrames:
		c.last = slices.Delete(c.last, 0, 1)
		fallthrough
	default:
		f = &cachedFrame{pack, frame, sync.OnceValues(read)}
		c.last = append(c.last, f)
	}
	c.mu.Unlock()
	return f.read()
}

func (c *frameCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = nil
}
