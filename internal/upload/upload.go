package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/project"
)

// Server is where packs go. Both methods may be called by several goroutines.
type Server interface {
	// Ask asks which uploads are to be sent: at most errand.MaxPacks.
	Ask(ctx context.Context, all []errand.UploadRequest) ([]errand.Upload, error)
	// Send sends an upload, unless the server has it. It sends nothing if the answer to
	// Ask says so; nil: it asks itself.
	Send(ctx context.Context, r errand.UploadRequest, answer *errand.Upload, body io.ReaderAt) (sent bool, err error)
}

// Folder is what is to be sent.
type Folder struct {
	*project.Selection
	Mode    fs.FileMode // of the folder itself
	ModTime time.Time
}

// Sender sends folders.
type Sender struct {
	Server Server
	Cache  Cache  // of the folder; nil: none
	Name   string // of uploads, for people

	// Progress counts, for whoever wants to show it.
	Progress Progress
}

// Progress is how far a folder is sent.
type Progress struct {
	Files atomic.Int64 // whose content is known
	Read  atomic.Int64 // bytes
	Sent  atomic.Int64 // bytes
}

// Result is what was sent.
type Result struct {
	Source errand.Source
	Files  int   // files and links
	Bytes  int64 // of all files
	Sent   int64 // bytes of packs that the server didn't have
}

// tries is how often a folder is packed because packs that the server was believed to
// have are gone.
const tries = 3

// Send sends a folder. Errors: archive.ErrTooLarge, the server's.
func (s *Sender) Send(ctx context.Context, f Folder) (Result, error) {
	if s.Cache == nil {
		s.Cache = noCache{}
	}
	last := decodeState(s.Cache.State())
	for try := 1; ; try++ {
		run := newRun(ctx, s, f, last)
		err := run.send()
		if errors.Is(err, errPacksGone) && try < tries {
			last = run.last
			continue
		}
		return run.result, err
	}
}

// errPacksGone: the memory had packs that the server doesn't have any more. It has them
// no longer.
var errPacksGone = errors.New("the server does not keep what was sent before")

// smallBytes is how much content goes into the root: one request for a small folder, or
// a small change.
const smallBytes = 4 << 20

// uploads is how many packs are sent at a time.
const uploads = 2

// run is one try to send a folder.
type run struct {
	*Sender
	ctx    context.Context
	cancel context.CancelCauseFunc
	folder Folder
	last   *lastRoot                // what was sent before; nil: nothing
	files  [][]manifest.Hash        // content of the entries that is known; nil: is not
	before map[int][]manifest.Chunk // of entries that have changed, if they are long files: their chunks before

	kept   map[manifest.Hash]bool  // chunks and parts that earlier packs have
	known  map[manifest.Hash]*pack // where chunks and parts are
	needed map[manifest.Hash]bool  // chunks and parts of the manifest
	used   map[*pack]bool          // packs that have those
	packer *manifest.Packer        // the next pack
	memory *memory                 // for such
	out    *spool                  // that it writes to
	next   *pack                   // that it makes
	target int64                   // size of packs

	parts   manifest.Parts
	tree    manifest.Tree
	fresh   [][]byte // parts that no pack has
	links   map[fileKey]string
	sending sync.WaitGroup
	slots   chan struct{}
	result  Result
}

// fileKey tells files apart that have several names.
type fileKey struct{ device, inode uint64 }

func newRun(ctx context.Context, s *Sender, f Folder, last *lastRoot) *run {
	r := &run{
		Sender: s, folder: f, last: last, kept: map[manifest.Hash]bool{}, known: map[manifest.Hash]*pack{}, needed: map[manifest.Hash]bool{}, used: map[*pack]bool{},
		links: map[fileKey]string{}, slots: make(chan struct{}, uploads), target: packTarget(f.Bytes), memory: &memory{},
	}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.newPack()
	r.parts.Each = r.part
	isChanged := r.findFiles()
	if last == nil {
		return r
	}
	packs := last.packs
	if isChanged { // else nothing will be sent but, perhaps, a manifest
		packs = worthKeeping(packs)
	}
	for _, p := range packs {
		for _, c := range p.chunks {
			r.known[c.hash], r.kept[c.hash] = p, true
		}
	}
	return r
}

// findFiles finds the files that have not changed.
func (r *run) findFiles() (isChanged bool) {
	r.files = make([][]manifest.Hash, len(r.folder.Entries))
	r.before = map[int][]manifest.Chunk{}
	lengths := newLengths(r.last)
	for i := range r.folder.Entries {
		e := &r.folder.Entries[i]
		if e.Kind != project.File {
			continue
		}
		b, ok := r.Cache.Get(e)
		if !ok {
			isChanged = true
			if before := lengths.of(r.Cache.Last(e)); before != nil {
				r.before[i] = before
			}
			continue
		}
		r.files[i] = decodeHashes(b)
	}
	return isChanged
}

// Sizes of packs: before compression, and the most packs that a folder is cut into.
const (
	minPackTarget = 16 << 20
	targetPacks   = 48
)

// packTarget is the size of packs for a folder.
func packTarget(total int64) int64 {
	t := int64(minPackTarget)
	for total/t > targetPacks {
		t *= 2
	}
	return t
}

func (r *run) send() error {
	defer func() { r.out.close() }()
	defer r.sending.Wait()
	defer r.cancel(nil)
	if err := r.walk(); err != nil {
		return err
	}
	if err := r.parts.Flush(); err != nil {
		return err
	}
	if done, err := r.unchanged(); done || err != nil {
		return err
	}
	if err := r.root(); err != nil {
		return err
	}
	r.sending.Wait()
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	return r.finish()
}

// walk adds all entries to the manifest and their content to packs.
func (r *run) walk() error {
	top := manifest.Entry{Path: ".", Kind: manifest.Dir, Mode: manifest.KeptMode(r.folder.Mode | fs.ModeDir), ModTime: r.folder.ModTime}
	if err := r.add(&top); err != nil {
		return err
	}
	for f := range r.read() {
		if err := r.entry(f); err != nil {
			return &archive.EntryError{Name: f.entry.Path, Err: err}
		}
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
	}
	return context.Cause(r.ctx)
}

// entry adds an entry.
func (r *run) entry(f *file) error {
	e := &manifest.Entry{Path: f.entry.Path, ModTime: f.entry.ModTime, Mode: manifest.KeptMode(f.entry.Mode)}
	switch f.entry.Kind {
	case project.Folder:
		e.Kind, e.Mode = manifest.Dir, manifest.KeptMode(f.entry.Mode|fs.ModeDir)
		return r.add(e)
	case project.Link:
		e.Kind, e.Target, e.Mode = manifest.Symlink, f.entry.Target, 0o777
		r.result.Files++
		return r.add(e)
	default:
		return r.file(f, e)
	}
}

func (r *run) file(f *file, e *manifest.Entry) error {
	id := fileKey{f.entry.ID.Device, f.entry.ID.Inode}
	if first, ok := r.links[id]; ok && f.entry.Links > 1 {
		f.skip(r.ctx)
		e.Kind, e.Target = manifest.HardLink, first
		r.result.Files++
		return r.add(e)
	}
	found, err := r.content(f, e)
	if !found || err != nil {
		return err
	}
	if f.entry.Links > 1 && id != (fileKey{}) {
		r.links[id] = e.Path
	}
	r.result.Files++
	r.result.Bytes += e.Size
	r.Progress.Files.Add(1)
	return r.add(e)
}

// content adds the content of a file to packs. It returns false if the file is gone.
func (r *run) content(f *file, e *manifest.Entry) (found bool, err error) {
	e.Kind = manifest.File
	if f.isKnown {
		e.Size, e.Chunks = f.entry.Size, f.known
		for _, h := range e.Chunks {
			r.use(h, r.known[h])
		}
		return true, nil
	}
	opened := f.each(r.ctx, func(c chunk) error {
		r.chunk(c)
		e.Chunks, e.Size = append(e.Chunks, c.hash), e.Size+int64(c.length)
		r.Progress.Read.Add(int64(c.length))
		if len(e.Chunks) > manifest.MaxFileChunks {
			return fmt.Errorf("the file has too many parts to be sent: %w", archive.ErrTooLarge)
		}
		return nil
	})
	if errors.Is(opened.err, fs.ErrNotExist) {
		return false, nil
	}
	if opened.err != nil {
		return false, opened.err
	}
	e.Mode, e.ModTime = manifest.KeptMode(opened.mode), opened.modTime
	if e.Size == f.entry.Size && e.ModTime.Equal(f.entry.ModTime) {
		r.Cache.Put(f.entry, encodeHashes(e.Chunks))
	}
	return true, nil
}

// chunk adds a chunk to a pack, unless one has it.
func (r *run) chunk(c chunk) {
	if p := r.known[c.hash]; p != nil {
		r.use(c.hash, p)
		return
	}
	r.put(c.hash, c.data)
	if r.isFull(c) {
		r.sendPack()
	}
}

func (r *run) use(h manifest.Hash, p *pack) { r.needed[h], r.used[p] = true, true }

func (r *run) put(h manifest.Hash, data []byte) {
	r.packer.Add(h, data)
	r.known[h] = r.next
	r.use(h, r.next)
	r.next.chunks = append(r.next.chunks, packChunk{h, int32(len(data))})
}

// isFull reports whether the pack ends with this chunk: where the content says, so that
// added and removed files leave the packs behind them as they are.
func (r *run) isFull(c chunk) bool {
	n := r.packer.Bytes()
	switch {
	case n >= r.target || r.packer.Len() >= manifest.MaxPackChunks/2:
		return true
	case n < r.target/4:
		return false
	}
	first := uint64(c.hash[0])<<24 | uint64(c.hash[1])<<16 | uint64(c.hash[2])<<8 | uint64(c.hash[3])
	return first < uint64(c.length)<<32/uint64(r.target/2)
}

// sendPack sends the next pack in the background.
func (r *run) sendPack() {
	packer, out, p := r.packer, r.out, r.next
	r.newPack()
	select {
	case r.slots <- struct{}{}:
	case <-r.ctx.Done():
		out.close()
		return
	}
	r.sending.Go(func() {
		defer func() { <-r.slots }()
		defer out.close()
		if err := p.finish(packer, nil); err != nil {
			r.cancel(err)
		} else if err := r.upload(p, nil, out); err != nil {
			r.cancel(err)
		}
	})
}

func (r *run) newPack() {
	r.out, r.next = &spool{memory: r.memory}, &pack{}
	r.packer = &manifest.Packer{Out: r.out}
}

func (p *pack) finish(packer *manifest.Packer, tree *manifest.Tree) error {
	made, err := packer.Finish(tree)
	if err != nil {
		return fmt.Errorf("write a pack: %w", err)
	}
	p.hash, p.size = made.Hash.String(), made.Size
	return nil
}

func (r *run) upload(p *pack, answer *errand.Upload, body io.ReaderAt) error {
	sent, err := r.Server.Send(r.ctx, r.request(p), answer, body)
	if sent {
		r.Progress.Sent.Add(p.size)
	}
	return err
}

func (r *run) request(p *pack) errand.UploadRequest {
	return errand.UploadRequest{Filename: r.Name, Size: p.size, SHA256: p.hash}
}

// add adds an entry to the manifest.
func (r *run) add(e *manifest.Entry) error {
	if r.tree.Entries++; r.tree.Entries > archive.DefaultMaxFiles {
		return fmt.Errorf("there are more than %d files and directories (%w); list what the job doesn't need in .errandignore", archive.DefaultMaxFiles, archive.ErrTooLarge)
	}
	r.tree.Bytes += e.Size
	return r.parts.Add(e)
}

// part takes a part of the manifest.
func (r *run) part(b []byte) error {
	h := manifest.HashOf(b)
	r.tree.Parts = append(r.tree.Parts, h)
	if p := r.known[h]; p != nil {
		r.use(h, p)
		return nil
	}
	r.fresh = append(r.fresh, append([]byte(nil), b...))
	return nil
}

// unchanged answers with the last root, if the manifest is the same and all of its packs
// are there.
func (r *run) unchanged() (done bool, err error) {
	last := r.last
	if last == nil || last.key != r.key() || r.packer.Len() > 0 {
		return false, nil
	}
	if err := r.askFor(last.packs); err != nil {
		return false, err
	}
	r.setSource(last.packs)
	return true, nil
}

// key tells manifests apart.
func (r *run) key() manifest.Hash { return manifest.HashOf(encodeHashes(r.tree.Parts)) }

// countUsed counts the bytes of packs that the manifest needs.
func (r *run) countUsed(packs []*pack) {
	for _, p := range packs {
		p.used = 0
		for _, c := range p.chunks {
			if r.needed[c.hash] {
				p.used += int64(c.length)
			}
		}
	}
}

// root makes the root, with all content that waits for a pack if it is little.
func (r *run) root() error {
	if r.packer.Bytes() > smallBytes {
		r.sendPack()
	}
	for _, b := range r.fresh {
		if h := manifest.HashOf(b); r.known[h] == nil {
			r.put(h, b)
		}
	}
	tree := r.tree
	if r.packer.Len() > manifest.MaxPackChunks {
		return fmt.Errorf("the manifest has too many parts: %w", archive.ErrTooLarge)
	}
	return r.next.finish(r.packer, &tree)
}

// finish asks for the packs that were sent before, and sends the root.
func (r *run) finish() error {
	packs := []*pack{r.next}
	for p := range r.used {
		if p != r.next {
			packs = append(packs, p)
		}
	}
	sortPacks(packs[1:])
	if len(packs)-1 > errand.MaxPacks {
		r.last = nil
		return errPacksGone
	}
	answer, err := r.ask(packs)
	if err != nil {
		return err
	}
	if err := r.gone(packs[1:], answer[1:]); err != nil {
		return err
	}
	if err := r.upload(r.next, &answer[0], r.out); err != nil {
		return err
	}
	r.setSource(packs)
	r.countUsed(packs)
	r.Cache.SetState(encodeState(&lastRoot{r.key(), packs}))
	return nil
}

func (r *run) setSource(packs []*pack) {
	src := errand.Source{SHA256: packs[0].hash, Filename: r.Name, Format: errand.FormatManifest, UnpackedBytes: r.tree.Bytes}
	for _, p := range packs[1:] {
		src.Packs = append(src.Packs, p.hash)
	}
	r.result.Source, r.result.Sent = src, r.Progress.Sent.Load()
}

// ask asks for packs, and answers in their order.
func (r *run) ask(packs []*pack) ([]errand.Upload, error) {
	var out []errand.Upload
	for len(packs) > 0 {
		n := min(len(packs), errand.MaxPacks)
		var q []errand.UploadRequest
		for _, p := range packs[:n] {
			q = append(q, r.request(p))
		}
		a, err := r.Server.Ask(r.ctx, q)
		if err != nil {
			return nil, err
		}
		if len(a) != n {
			return nil, fmt.Errorf("the server answered for %d of %d uploads", len(a), n)
		}
		out, packs = append(out, a...), packs[n:]
	}
	return out, nil
}

// askFor fails unless all packs are there.
func (r *run) askFor(packs []*pack) error {
	answer, err := r.ask(packs)
	if err != nil {
		return err
	}
	return r.gone(packs, answer)
}

// gone forgets the packs that are not there. Then the folder must be packed again.
func (r *run) gone(packs []*pack, answer []errand.Upload) error {
	var gone []*pack
	for i, p := range packs {
		if !answer[i].Exists {
			gone = append(gone, p)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if r.last != nil {
		left := slices.DeleteFunc(slices.Clone(r.last.packs), func(p *pack) bool { return slices.Contains(gone, p) })
		r.last = &lastRoot{packs: left}
	}
	return errPacksGone
}
