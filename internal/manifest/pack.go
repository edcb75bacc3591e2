package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A pack is
//
//	frame…            zstd frames, each of one long chunk or of many short ones
//	index             a zstd frame: see appendIndex
//	lengths           of the index, compressed and not: 4 bytes each, little endian
//	magic             8 bytes
const (
	packMagic   = "errandp1"
	footerBytes = 8 + len(packMagic)
)

// Limits of a pack.
const (
	// MaxFrameBytes limits a frame's content: the longest chunk or part.
	MaxFrameBytes = MaxFileChunks*hashBytes + 64<<10
	// MaxPackChunks limits the index to a few megabytes.
	MaxPackChunks = 64 << 10
	maxIndexBytes = MaxPackChunks * (hashBytes + 2*binary.MaxVarintLen32)
	// frameBytes is the size at which a frame of short chunks ends. Short chunks share
	// frames because alone they compress badly.
	frameBytes = 1 << 20
)

// A Tree lists the parts of a manifest, and what they describe.
type Tree struct {
	Parts   []Hash
	Entries int   // that the parts have
	Bytes   int64 // size of all files
}

// Pack is a finished pack.
type Pack struct {
	Data   []byte // unless the Packer has Out
	Size   int64
	Hash   Hash // of all bytes
	Chunks []Hash
	Tree   *Tree // nil unless the pack is the root of a manifest
}

var (
	// frameEncoder has the fastest level: with the next one, content has 3 to 7 % less bytes
	// and takes 1.5 to 1.7 times as long.
	frameEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(4<<20))
		if err != nil {
			panic(err) // only of options that exclude each other
		}
		return e
	})
	frameDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxIndexBytes+MaxFrameBytes), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// A Packer makes one pack. The same chunks in the same order give the same bytes. It
// compresses frames in the background, and holds only a few of them.
type Packer struct {
	Out io.Writer // gets the pack; nil: Pack.Data gets it

	data    bytes.Buffer // unless there is Out
	sum     hash.Hash
	err     error  // of Out
	raw     []byte // the frame that is being filled
	open    frame
	frames  []*frame
	written int // of frames
	chunks  int
	size    int64
	length  int64 // of what was written
}

// frame is a frame of a pack.
type frame struct {
	chunks  []Hash
	lengths []int
	data    chan encoded
	size    int
}

// encoded is a zstd frame.
type encoded struct {
	pieces [][]byte
	buffer []byte // of frameBuffers; nil: none
}

// maxPending is how many frames of a pack wait to be written.
const maxPending = 2

// compressing limits the frames of the process that are compressed at a time.
var compressing = make(chan struct{}, 2)

// Add adds a chunk or a part, which must not be changed any more.
func (p *Packer) Add(h Hash, data []byte) {
	if len(p.raw) > 0 && len(p.raw)+len(data) > frameBytes {
		p.endFrame()
	}
	if len(p.raw) == 0 && len(data) >= frameBytes/2 {
		p.raw = data[:len(data):len(data)]
	} else {
		p.raw = append(p.raw, data...)
	}
	p.open.chunks, p.open.lengths = append(p.open.chunks, h), append(p.open.lengths, len(data))
	p.chunks++
	p.size += int64(len(data))
}

// Bytes is the size of what was added.
func (p *Packer) Bytes() int64 { return p.size }

// Len is the number of what was added.
func (p *Packer) Len() int { return p.chunks }

func (p *Packer) endFrame() {
	f, raw := p.open, p.raw
	f.data = make(chan encoded, 1)
	p.open, p.raw = frame{}, nil
	p.frames = append(p.frames, &f)
	compressing <- struct{}{}
	go func() { // ends by itself: the channel has room
		e := encode(raw)
		<-compressing
		f.data <- e
	}()
	for len(p.frames)-p.written > maxPending {
		p.writeFrame()
	}
}

// writeFrame writes the next frame.
func (p *Packer) writeFrame() {
	f := p.frames[p.written]
	e := <-f.data
	for _, b := range e.pieces {
		f.size += len(b)
		p.write(b)
	}
	if e.buffer != nil {
		frameBuffers.Put(&e.buffer)
	}
	p.written++
}

func encode(raw []byte) encoded {
	if isDense(raw) {
		return encoded{pieces: store(raw)}
	}
	b := frameEncoder().EncodeAll(raw, frameBuffer(len(raw)))
	return encoded{pieces: [][]byte{b}, buffer: b}
}

// frameBuffers are for compressed frames. Without them, content that doesn't compress costs
// more to allocate than to look at.
var frameBuffers sync.Pool

// frameBuffer returns an empty buffer for the frame of n bytes.
func frameBuffer(n int) []byte {
	n += n/64 + 1<<10 // zstd adds less to what it can't compress
	if b, ok := frameBuffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

func (p *Packer) write(b []byte) {
	if p.sum == nil {
		p.sum = sha256.New()
	}
	_, _ = p.sum.Write(b) // a hash's writes don't fail
	p.length += int64(len(b))
	out := p.Out
	if out == nil {
		out = &p.data
	}
	if p.err == nil {
		_, p.err = out.Write(b)
	}
}

// Finish returns the pack. tree makes it the root of a manifest. Errors: those of Out.
func (p *Packer) Finish(tree *Tree) (Pack, error) {
	if len(p.open.chunks) > 0 {
		p.endFrame()
	}
	for p.written < len(p.frames) {
		p.writeFrame()
	}
	out := Pack{Tree: tree}
	for _, f := range p.frames {
		out.Chunks = append(out.Chunks, f.chunks...)
	}
	index := appendIndex(nil, p.frames, tree)
	tail := frameEncoder().EncodeAll(index, nil)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(len(tail)))
	tail = binary.LittleEndian.AppendUint32(tail, uint32(len(index)))
	p.write(append(tail, packMagic...))
	out.Hash, out.Size, out.Data = Hash(p.sum.Sum(nil)), p.length, p.data.Bytes()
	return out, p.err
}

// appendIndex appends the index: the
// frames, each with its length and its chunks; and the tree, if there is one.
func appendIndex(b []byte, frames []*frame, tree *Tree) []byte {
	b = binary.AppendUvarint(b, uint64(len(frames)))
	for _, f := range frames {
		b = binary.AppendUvarint(b, uint64(f.size))
		b = binary.AppendUvarint(b, uint64(len(f.chunks)))
		for i := range f.chunks {
			b = append(b, f.chunks[i][:]...)
			b = binary.AppendUvarint(b, uint64(f.lengths[i]))
		}
	}
	if tree == nil {
		return b
	}
	b = binary.AppendUvarint(b, uint64(tree.Entries))
	b = binary.AppendUvarint(b, uint64(tree.Bytes))
	b = binary.AppendUvarint(b, uint64(len(tree.Parts)))
	for i := range tree.Parts {
		b = append(b, tree.Parts[i][:]...)
	}
	return b
}

// Index says what a pack contains.
type Index struct {
	Frames []Frame
	Tree   *Tree // nil unless the pack is the root of a manifest
}

// A Frame is a frame of a pack, and what is in it.
type Frame struct {
	Offset int64
	Size   int // compressed
	Chunks []Hash
	Starts []int // of each chunk in the content, and the content's length
}

// ErrNotPack: the object is not a pack, or is damaged.
var ErrNotPack = errors.New("not a pack, or a damaged one")

// ReadIndex reads the index of a pack of size bytes.
func ReadIndex(r io.ReaderAt, size int64) (*Index, error) {
	footer := make([]byte, footerBytes)
	if size < int64(len(footer)) {
		return nil, ErrNotPack
	}
	if err := readAt(r, footer, size-int64(len(footer))); err != nil {
		return nil, err
	}
	n, length := int64(binary.LittleEndian.Uint32(footer)), binary.LittleEndian.Uint32(footer[4:])
	end := size - int64(len(footer))
	if string(footer[8:]) != packMagic || n > end || n > maxIndexBytes || length > maxIndexBytes {
		return nil, ErrNotPack
	}
	packed := make([]byte, n)
	if err := readAt(r, packed, end-n); err != nil {
		return nil, err
	}
	raw, err := decompress(packed, int(length))
	if err != nil {
		return nil, err
	}
	d := &decoder{b: raw}
	x := d.index(end - n)
	if d.err != nil {
		return nil, ErrNotPack
	}
	return x, nil
}

func readAt(r io.ReaderAt, b []byte, off int64) error {
	if _, err := io.ReadFull(io.NewSectionReader(r, off, int64(len(b))), b); err != nil {
		return fmt.Errorf("read the pack: %w", err)
	}
	return nil
}

// decompress decompresses a frame whose content has length bytes.
func decompress(packed []byte, length int) ([]byte, error) {
	raw, err := frameDecoder().DecodeAll(packed, make([]byte, 0, length))
	if err != nil || len(raw) != length {
		return nil, ErrNotPack
	}
	return raw, nil
}

// index decodes the index of a pack whose frames end at end.
func (d *decoder) index(end int64) *Index {
	x := &Index{}
	chunks, offset := uint64(MaxPackChunks), int64(0)
	for range d.uvarint(MaxPackChunks) {
		f := Frame{Offset: offset, Size: int(d.uvarint(uint64(end - offset)))}
		offset += int64(f.Size)
		if f.Size > MaxFrameBytes+MaxFrameBytes/64 { // zstd adds less to what it can't compress
			d.fail()
			return x
		}
		n := d.uvarint(chunks)
		chunks -= n
		start := 0
		for range n {
			h := Hash{}
			copy(h[:], d.take(hashBytes))
			f.Chunks, f.Starts = append(f.Chunks, h), append(f.Starts, start)
			if start += int(d.uvarint(MaxFrameBytes)); start > MaxFrameBytes {
				d.fail()
			}
			if d.err != nil {
				return x
			}
		}
		f.Starts = append(f.Starts, start)
		x.Frames = append(x.Frames, f)
	}
	if offset != end {
		d.fail()
	}
	if len(d.b) > 0 {
		x.Tree = &Tree{Entries: int(d.uvarint(1 << 31)), Bytes: int64(d.uvarint(1 << 62)), Parts: d.hashes(MaxPackChunks)}
	}
	if len(d.b) > 0 {
		d.fail()
	}
	return x
}

// Read returns the content of a frame. The caller checks the chunks' hashes.
func (f *Frame) Read(r io.ReaderAt) ([]byte, error) {
	packed := frameBuffer(f.Size)[:f.Size]
	defer frameBuffers.Put(&packed)
	if err := readAt(r, packed, f.Offset); err != nil {
		return nil, err
	}
	return decompress(packed, f.Starts[len(f.Starts)-1])
}
